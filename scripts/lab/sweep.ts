import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { isAlive, listDeadFolders, listNamespaces, type Namespace } from './names.ts';

/** Time that processes have to end by themselves, ms: a database closes its files and gives back its memory. */
const GRACE_MS = 3_000;

/** Time between two looks, ms. */
const LOOK_EVERY_MS = 50;

/** Ends whatever still runs in namespaces and removes them. Synchronous: the exit of a process is the last chance. */
export function removeNamespaces(namespaces: readonly Namespace[]): void {
  const inside = () => namespaces.flatMap(({ name }) => processesIn(name));
  signal(inside(), 'SIGTERM');
  const endMs = performance.now() + GRACE_MS;
  while (inside().length > 0 && performance.now() < endMs) pause(LOOK_EVERY_MS);
  signal(inside(), 'SIGKILL');
  for (const { name } of namespaces) {
    const { status, stderr } = spawnSync('ip', ['netns', 'delete', name], { encoding: 'utf8' });
    if (status !== 0) console.error(`namespace ${name} is left: ${stderr.trim()}`);
  }
}

/** Removes what labs left whose process is dead, and returns its names. Labs that live are not touched. */
export function sweep(): string[] {
  const left = listNamespaces().filter(({ ownerPid }) => !isAlive(ownerPid));
  removeNamespaces(left);
  const folders = listDeadFolders();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  return [...left.map(({ name }) => name), ...folders];
}

function processesIn(name: string): number[] {
  const { stdout } = spawnSync('ip', ['netns', 'pids', name], { encoding: 'utf8' });
  return stdout.split('\n').filter(Boolean).map(Number).filter(isRunning);
}

/** Not a zombie: an ended child stays listed until its parent, which is busy here, asks for its status. */
function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The state follows the name, which is in parentheses and may hold any character (proc(5)).
    return stat.slice(stat.lastIndexOf(')') + 2)[0] !== 'Z';
  } catch {
    return false;
  }
}

function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
