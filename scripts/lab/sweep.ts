import { spawnSync } from 'node:child_process';
import { isAlive, listNamespaces, type Namespace } from './names.ts';

/**
 * Ends whatever still runs in namespaces and removes them. Synchronous, because the last chance to do it is the exit
 * of the process; SIGKILL, because what was to end gently was asked before.
 */
export function removeNamespaces(namespaces: readonly Namespace[]): void {
  const doomed = namespaces.flatMap(({ name }) => processesIn(name));
  for (const pid of doomed) killQuietly(pid);
  for (const { name } of namespaces) {
    const { status, stderr } = spawnSync('ip', ['netns', 'delete', name], { encoding: 'utf8' });
    if (status !== 0) console.error(`namespace ${name} is left: ${stderr.trim()}`);
  }
}

/** Removes what labs left whose process is dead, and returns it. Labs that live are not touched. */
export function sweep(): Namespace[] {
  const left = listNamespaces().filter(({ ownerPid }) => !isAlive(ownerPid));
  removeNamespaces(left);
  return left;
}

function processesIn(name: string): number[] {
  const { stdout } = spawnSync('ip', ['netns', 'pids', name], { encoding: 'utf8' });
  return stdout.split('\n').filter(Boolean).map(Number);
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
