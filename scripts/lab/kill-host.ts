import { readdir, readFile } from 'node:fs/promises';
import { parseBook } from '@picket/agent/blocks/book';
import { readBlocks } from '@picket/agent/nft/elements';
import { BLOCK_SETS, blockSet, TABLE } from '@picket/agent/nft/names';
import type { Held } from './kill-model.ts';
import type { Lab } from './lab.ts';
import { mustExec } from './run.ts';

/** The host that is watched. */
export const HOST = 'a';

/** What the kernel of the host has now; undefined when the table is not there. */
export type Kernel = { local: Held[]; shared: Held[]; atMs: number };

/** Reads the sets of blocks with nft, not through any agent. */
export async function readKernel(lab: Lab, host = HOST): Promise<Kernel | undefined> {
  const atMs = Date.now();
  const lists = await Promise.all(
    BLOCK_SETS.map(async ({ origin, tier, key }) => {
      const argv = ['nft', '-j', 'list', 'set', ...TABLE.split(' '), blockSet(origin, tier, key)];
      const { status, stdout } = await lab.exec(host, argv);
      return status === 0 ? { origin, blocks: readBlocks(stdout, atMs) } : undefined;
    }),
  );
  if (lists.some((list) => list === undefined)) return undefined;
  const of = (origin: string) => lists.flatMap((list) => (list?.origin === origin ? list.blocks : []));
  return { local: of('local'), shared: of('shared'), atMs };
}

/** The table without what changes by itself: elements, counters. */
export async function readRules(lab: Lab): Promise<string> {
  const { stdout } = await lab.exec(HOST, ['nft', '-s', '-t', 'list', 'table', ...TABLE.split(' ')]);
  // Networks are elements too, and so left out; sets that other programs read name none.
  return stdout;
}

export const readTables = (lab: Lab): Promise<string> => lab.mustExec(HOST, ['nft', 'list', 'tables']);

type Process = { pid: number; name: string; parent: number };

/** Processes in a node's namespace. */
export async function readProcesses(lab: Lab, node: string): Promise<Process[]> {
  const pids = (await mustExec(['ip', 'netns', 'pids', lab.namespace(node)])).split('\n').filter(Boolean);
  const all = await Promise.all(
    pids.map(async (pid) => {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
      const [, name = '', parent] = /^\d+ \((.*)\) \S (\d+)/s.exec(stat) ?? [];
      return parent === undefined ? [] : [{ pid: Number(pid), name, parent: Number(parent) }];
    }),
  );
  return all.flat();
}

/** Programs that an agent starts. */
const CHILDREN = ['tcpdump', 'nft', 'logger', 'perl'];

/** Children of agents that do not belong to the one that runs. */
export async function readOrphans(lab: Lab, agentPid: number | undefined, host = HOST): Promise<Process[]> {
  const all = await readProcesses(lab, host);
  return all.filter(({ name, parent }) => CHILDREN.includes(name) && parent !== agentPid);
}

/** Ends what a reboot would have ended. */
export async function endOrphans(lab: Lab): Promise<void> {
  for (const { pid } of await readOrphans(lab, undefined)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

/** The book on disk: its blocks, `none` without a file, `half` when it cannot be read. */
export async function readSavedBook(file: string): Promise<Held[] | 'none' | 'half'> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  return text === undefined ? 'none' : (parseBook(text) ?? 'half');
}

/** Files that a writer left half-way. */
export async function readTemporary(folder: string): Promise<string[]> {
  return (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.tmp'));
}
