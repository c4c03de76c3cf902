import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Agent } from './agent.ts';
import {
  HOST,
  type Kernel,
  readKernel,
  readOrphans,
  readRules,
  readTables,
  readTemporary,
} from './kill-host.ts';
import { type Held, lostBlocks, SLACK_MS, type Tripped, wrongBlocks } from './kill-model.ts';
import type { Trips } from './kill-trips.ts';
import type { Lab } from './lab.ts';
import type { ListOrder, ListServer } from './list-order.ts';
import { DeadlineError, waitFor } from './wait.ts';
import type { Witness } from './witness.ts';

/** How long a block of the host lasts: short, so that blocks end while the run goes on, ms. */
export const LASTS_MS = 20_000;

export const ORDER: ListOrder = { size: 200, moving: 100, step: 10, pauseMs: 50, isFrozen: false, named: [] };

/** Files that are being written when one looks. */
const MOST_TEMPORARY = 2;

const SETTLE_MS = 10_000;

export type Run = {
  lab: Lab;
  agent: Agent;
  list: ListServer;
  trips: Trips;
  witness: Witness;
  /** Refused all the time: by this host, and by the network. */
  forever: { local: string; shared: string };
  rules: string;
  tables: string;
  violations: string[];
};

export const bookOf = (agent: Agent): string => join(agent.state, 'blocks.json');

export const logOf = (lab: Lab, host = HOST): Promise<string> =>
  readFile(join(lab.folder, `agent-${host}.log`), 'utf8').catch(() => '');

type Dead = { kernel: Kernel | undefined; tripped: Tripped[]; found: string[] };

/** Detection goes on without an agent, and what was in force is. */
export async function whileDead({ lab, trips, forever }: Run, killedAtMs: number): Promise<Dead> {
  const tripped = await trips.now(2);
  const kernel = await readKernel(lab);
  if (kernel === undefined) return { kernel, tripped, found: ['the table is not whole while no agent runs'] };
  const times = { nowMs: kernel.atMs, lastsMs: LASTS_MS, known: [forever.local] };
  const wrong = wrongBlocks(kernel.local, trips.all, times);
  return {
    kernel,
    tripped,
    found: wrong.map((text) => `${text} (no agent, ${kernel.atMs - killedAtMs} ms)`),
  };
}

export function wrongBook(saved: Held[] | string, before: Held[] | string): string[] {
  if (saved === 'half') return ['blocks.json is half'];
  if (typeof before === 'string') return [];
  if (typeof saved === 'string') return ['blocks.json is gone'];
  const nobody = () => false;
  return lostBlocks(before, saved, { nowMs: Date.now(), lifted: nobody }).map(
    (text) => `blocks.json: ${text}`,
  );
}

/** Sources that tripped before a time, are held still, and are not in the book on disk. */
export function unsaved({ trips }: Run, saved: readonly Held[], beforeMs: number): string[] {
  const nowMs = Date.now();
  const known = new Set(saved.map(({ source }) => source));
  const missing = trips.all.filter(
    ({ source, fromMs, toMs }) =>
      toMs < beforeMs && fromMs + LASTS_MS - SLACK_MS > nowMs && !known.has(source),
  );
  return missing.map(({ source }) => `blocks.json: ${source} tripped a while ago and is not in it`);
}

export const inBook = (saved: Held[] | string, except: string): Tripped[] =>
  typeof saved === 'string'
    ? []
    : saved
        .filter(({ source }) => source !== except)
        .map(({ source, untilMs }) => ({ source, fromMs: untilMs - LASTS_MS, toMs: untilMs - LASTS_MS }));

type Facts = { dead: Dead; saved: Held[] | string; isReboot: boolean; answeredBefore: number };

export async function whenReady(
  run: Run,
  { dead, saved, isReboot, answeredBefore }: Facts,
): Promise<string[]> {
  const { lab, agent, list, forever } = run;
  const kernel = await readKernel(lab);
  if (kernel === undefined) return ['the table is not whole when the agent watches'];
  const found: string[] = [];
  found.push(...wrongLocal(run, kernel, isReboot ? inBook(saved, forever.local) : run.trips.all));
  if (!isReboot && dead.kernel !== undefined) {
    const served = new Set(list.served()?.sources);
    const lifted = (source: string) => !served.has(source);
    const lost = lostBlocks(dead.kernel.shared, kernel.shared, { nowMs: kernel.atMs, lifted });
    found.push(...summed('of the network', lost));
    const since = (await answered(run)) - answeredBefore;
    if (since > 0) found.push(`${since} packets of refused sources were answered meanwhile`);
    found.push(...(await untold(run, dead.tripped)));
  }
  const pid = await agent.pid();
  const areGone = async () => (await readOrphans(lab, pid)).length === 0;
  if (!(await soon(areGone))) found.push(`left: ${JSON.stringify(await readOrphans(lab, pid))}`);
  found.push(...(await wrongList(run)));
  const temporary = await readTemporary(agent.state);
  if (temporary.length > MOST_TEMPORARY)
    found.push(`${temporary.length} temporary files are left, like ${temporary[0]}`);
  return found;
}

function wrongLocal({ forever }: Run, kernel: Kernel, tripped: readonly Tripped[]): string[] {
  const times = { nowMs: kernel.atMs, lastsMs: LASTS_MS, known: [forever.local] };
  const wrong = wrongBlocks(kernel.local, tripped, times);
  const hour = kernel.local.find(({ source }) => source === forever.local);
  if (hour === undefined) wrong.push(`${forever.local} is held for an hour, and is not`);
  return wrong;
}

/** Many lines of one kind as one. */
const summed = (what: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : [`${lines.length} ${what}, the first: ${lines[0]}`];

/** SYN-ACKs that went to sources which are refused all the time. */
export async function answered({ witness, forever }: Run): Promise<number> {
  const both = await Promise.all([forever.local, forever.shared].map(witness.answered));
  return both.reduce((sum, { accepted }) => sum + accepted, 0);
}

async function untold({ lab }: Run, tripped: readonly Tripped[]): Promise<string[]> {
  const missing = async () => {
    const log = await logOf(lab);
    return tripped.filter(({ source }) => !log.includes(`Host ${source} has been blocked`));
  };
  await soon(async () => (await missing()).length === 0);
  return (await missing()).map(({ source }) => `${source} tripped while no agent ran, and was never told`);
}

/** With the list at rest, the kernel has all of it and nothing else, and the table is as it was made first. */
async function wrongList({ lab, list, forever, rules, tables }: Run): Promise<string[]> {
  const named = [forever.shared];
  list.order({ ...ORDER, named, isFrozen: true });
  const difference = async () => {
    const wanted = new Set(list.served()?.sources);
    const have = new Set((await readKernel(lab))?.shared.map(({ source }) => source));
    return [...wanted].filter((s) => !have.has(s)).length + [...have].filter((s) => !wanted.has(s)).length;
  };
  const isSame = await soon(async () => (await difference()) === 0);
  const found = isSame ? [] : [`the network's list and the kernel differ by ${await difference()} for good`];
  // nft begins anew whenever the ruleset changes while it lists: now it does not.
  if ((await readRules(lab)) !== rules) found.push('the rules are not those of the first start');
  if ((await readTables(lab)) !== tables) found.push('there are other tables');
  list.order({ ...ORDER, named });
  return found;
}

export const soon = (condition: () => Promise<boolean>, deadlineMs = SETTLE_MS): Promise<boolean> =>
  waitFor('it', condition, deadlineMs).catch((error: Error) => {
    if (!(error instanceof DeadlineError)) throw error;
    return false;
  });
