import { lstatSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where iproute2 keeps the names of network namespaces. */
const NAMES_FOLDER = '/run/netns';

const PATTERN = /^picket-(\d+)-(\d+)-([a-z0-9]+)$/;

/** A network namespace of a lab, told by its name alone: nothing else has to be kept for a sweep. */
export type Namespace = {
  name: string;
  /** Process that opened the lab. */
  ownerPid: number;
  /** Tells labs of one process apart. */
  serial: number;
  node: string;
};

/** Name of a node's namespace: `picket-<pid>-<serial>-<node>`. */
export function namespaceName(lab: { ownerPid: number; serial: number }, node: string): string {
  return `picket-${lab.ownerPid}-${lab.serial}-${node}`;
}

/** Beginning of the name of a lab's folder, in the system's folder for temporary files. */
export function folderPrefix(lab: { ownerPid: number; serial: number }): string {
  return `picket-lab-${lab.ownerPid}-${lab.serial}-`;
}

/** Folders of this user's labs whose process is dead. */
export function listDeadFolders(): string[] {
  const dead = readdirSync(tmpdir()).filter((name) => {
    const [, pid] = /^picket-lab-(\d+)-\d+-/.exec(name) ?? [];
    return pid !== undefined && !isAlive(Number(pid));
  });
  return dead
    .map((name) => join(tmpdir(), name))
    .filter((path) => lstatSync(path).uid === process.getuid?.());
}

/** Reads a namespace's name; undefined when it is not a lab's. */
export function parseNamespace(name: string): Namespace | undefined {
  const match = PATTERN.exec(name);
  if (match === null) return undefined;
  const [, pid, serial, node = ''] = match;
  return { name, ownerPid: Number(pid), serial: Number(serial), node };
}

/** All namespaces of labs on this machine, whoever owns them. */
export function listNamespaces(): Namespace[] {
  try {
    return readdirSync(NAMES_FOLDER).flatMap((name) => parseNamespace(name) ?? []);
  } catch (error) {
    // The folder comes with the first namespace ever made.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Whether a process is there. A process of another user is: the signal is refused, not lost. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
