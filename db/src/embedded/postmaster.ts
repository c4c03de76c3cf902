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

/** Whether a process exists, whoever it belongs to. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
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
