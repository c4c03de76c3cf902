import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a running server says of itself in `postmaster.pid` (PostgreSQL's miscadmin.h, LOCK_FILE_LINE_*). */
export interface Postmaster {
  readonly pid: number;
  readonly socketFolder: string;
  readonly port: number;
}

/** Reads the text of `postmaster.pid`; undefined while it is being written. */
export function parsePostmaster(text: string): Postmaster | undefined {
  const lines = text.split('\n');
  const [pid, port, socketFolder] = [Number(lines[0]), Number(lines[3]), lines[4]?.trim()];
  if (!Number.isInteger(pid) || pid <= 0 || !Number.isInteger(port) || !socketFolder) return undefined;
  return { pid, port, socketFolder };
}

/** Text of a cluster's `postmaster.pid`, or undefined when no server left one. */
export function postmasterFile(cluster: string): string | undefined {
  try {
    return readFileSync(join(cluster, 'postmaster.pid'), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whether a process runs, whoever it belongs to. One that ended and that its parent never asks about has ended. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return !isZombie(pid);
}

/** By proc(5); without /proc, no. A container's first process seldom asks about orphans it inherits. */
function isZombie(pid: number): boolean {
  try {
    return /^\d+ \(.*\) Z /s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/**
 * Whether the process is surely no PostgreSQL: in a restarted container a stale `postmaster.pid` often names a
 * process id that something else has now, and PostgreSQL would refuse to start for it.
 */
export function isForeign(pid: number): boolean {
  try {
    return !/^post(gres|master)/.test(readFileSync(`/proc/${pid}/comm`, 'utf8'));
  } catch {
    return false;
  }
}
