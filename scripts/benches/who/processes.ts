import { readFile } from 'node:fs/promises';
import { mustExec } from '../../lab/run.ts';

/** A process and all that came of it. A process that ended meanwhile is left out. */
export async function processTree(pid: number): Promise<number[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => undefined);
  if (children === undefined) return [];
  const below = await Promise.all(children.split(' ').filter(Boolean).map(Number).map(processTree));
  return [pid, ...below.flat()];
}

/** Processes of a namespace by the name of their program. */
export async function processesNamed(namespace: string, names: readonly string[]): Promise<number[]> {
  const pids = (await mustExec(['ip', 'netns', 'pids', namespace])).split('\n').filter(Boolean).map(Number);
  const found = await Promise.all(
    pids.map(async (pid) => {
      const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
      return names.includes(name.trim()) ? [pid] : [];
    }),
  );
  return found.flat();
}
