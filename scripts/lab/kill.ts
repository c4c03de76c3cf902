import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatBook } from '@picket/agent/blocks/book';
import { type Agent, prepareAgent } from './agent.ts';
import {
  endOrphans,
  HOST,
  type Kernel,
  readKernel,
  readOrphans,
  readRules,
  readSavedBook,
  readTables,
  readTemporary,
} from './kill-host.ts';
import { type Held, lostBlocks, SLACK_MS, type Tripped, wrongBlocks } from './kill-model.ts';
import { prepareTrips, type Trips } from './kill-trips.ts';
import { type Lab, openLab } from './lab.ts';
import { type ListOrder, type ListServer, startListServer } from './list-order.ts';
import { seeded } from './random.ts';
import { DeadlineError, waitFor } from './wait.ts';
import type { Witness } from './witness.ts';

export type KillOptions = {
  times: number;
  seed: number;
  /** Tells each kill as it is done. */
  say: (text: string) => void;
};

/** What came of it; without `violations` all is well. */
export type KillResult = { kills: number; reboots: number; trips: number; violations: string[] };

/** How long a block of the host lasts: short, so that blocks end while the run goes on, ms. */
const LASTS_MS = 20_000;

/** What the agent has beside the default policy. */
const SETTINGS = `[block]
duration = "${LASTS_MS / 1_000}s"
# Every few hundred ms a fresh source trips: more than the limit takes for real.
evidence = "any"
`;

/** Each n-th kill is a power cut: the kernel forgets all, the disk keeps what was written. */
const REBOOT_EVERY = 8;

/** Latest moment of a kill after the agent watches, or, for a third of them, after its process began, ms. */
const LATEST_MS = 2_000;

/** Within this a trip is in the book on disk, ms, while an agent runs. */
const SAVED_MS = 1_000;

/** Files that are being written when one looks. */
const MOST_TEMPORARY = 2;

const READY_MS = 30_000;
const SETTLE_MS = 10_000;

const ORDER: ListOrder = { size: 200, moving: 100, step: 10, pauseMs: 20, isFrozen: false, named: [] };

type Run = {
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

/**
 * Kills an agent at moments that a seed determines, while sources trip and the network's list changes all the time, and
 * looks from outside at what is left.
 */
export async function runKills({ times, seed, say }: KillOptions): Promise<KillResult> {
  const random = seeded(seed);
  const lab = await openLab({ hosts: [HOST] });
  try {
    const before = await readTables(lab);
    const run = await setUp(lab);
    let reboots = 0;
    for (let n = 1; n <= times; n++) {
      const isReboot = n % REBOOT_EVERY === 0;
      const isEarly = random() < 1 / 3 && !isReboot;
      const momentMs = Math.floor(random() * LATEST_MS);
      if (isReboot) reboots += 1;
      const found = await oneKill(run, { isEarly, isReboot, momentMs });
      const label = `kill ${n}, ${momentMs} ms after its ${isEarly ? 'start' : 'readiness'}${isReboot ? ', power cut' : ''}`;
      run.violations.push(...found.map((text) => `${label}: ${text}`));
      say(`${label}: ${found.length === 0 ? 'all in force' : found.join('; ')}`);
    }
    run.violations.push(...(await takeDown(run, before)));
    return { kills: times, reboots, trips: run.trips.all.length, violations: run.violations };
  } finally {
    await lab.close();
  }
}

async function setUp(lab: Lab): Promise<Run> {
  const forever = { local: lab.node('scanner').v4, shared: lab.node('client').v4 };
  const witness = await lab.witness(HOST);
  const list = await startListServer(lab, HOST, { ...ORDER, named: [forever.shared] });
  const agent = await prepareAgent(lab, HOST, SETTINGS);
  await agent.enrol(list.joinKey);
  await writeFile(bookOf(agent), foreverBook(forever.local));
  const trips = await prepareTrips(lab);
  await startReady(lab, agent);
  const isListed = async () =>
    (await readKernel(lab))?.shared.some(({ source }) => source === forever.shared);
  await waitFor('the list to be in force', isListed, READY_MS);
  for (const node of ['scanner', 'client']) {
    const argv = ['nping', '--tcp', '--flags', 'syn', '-p', '80', '--rate', '100', '-c', '10000000'];
    lab.spawn(node, `stream-${node}`, [...argv, '-H', '-N', '-q', lab.node(HOST).v4]);
  }
  const [rules, tables] = [await readRules(lab), await readTables(lab)];
  await trips.run(true);
  return { lab, agent, list, trips, witness, forever, rules, tables, violations: [] };
}

const bookOf = (agent: Agent): string => join(agent.state, 'blocks.json');

/** A block of an hour, as if this host had decided it before. */
function foreverBook(source: string): string {
  const [atMs, tier] = [Date.now(), 'held' as const];
  const block = { source, tier, atMs, untilMs: atMs + 3_600_000, droppedPackets: 0 };
  return formatBook(new Map([[source, { ...block, decidedBy: 'agent' }]]));
}

const logOf = (lab: Lab): Promise<string> =>
  readFile(join(lab.folder, `agent-${HOST}.log`), 'utf8').catch(() => '');

const timesReady = async (lab: Lab): Promise<number> => (await logOf(lab)).split(' watching').length;

/** Starts the agent and waits until it says that it watches, its saved list in force. */
async function startReady(lab: Lab, agent: Agent): Promise<void> {
  const before = await timesReady(lab);
  await agent.start();
  await waitFor('the agent to watch', async () => (await timesReady(lab)) > before, READY_MS);
}

type Moment = { isEarly: boolean; isReboot: boolean; momentMs: number };

async function oneKill(run: Run, { isEarly, isReboot, momentMs }: Moment): Promise<string[]> {
  const { lab, agent, trips } = run;
  const book = bookOf(agent);
  const bookBefore = await readSavedBook(book);
  await sleep(isEarly ? 0 : momentMs);
  const killedAtMs = Date.now();
  await agent.kill('SIGKILL');
  const dead = await whileDead(run, killedAtMs);
  const saved = await readSavedBook(book);
  const found = [...dead.found, ...wrongBook(saved, bookBefore)];
  // Every kill comes after the agent was ready once: what tripped before that was taken up and saved then.
  if (Array.isArray(saved)) found.push(...unsaved(run, saved, killedAtMs - SAVED_MS));
  if (isReboot) {
    await trips.run(false);
    await cutPower(lab);
  }
  const answeredBefore = await answered(run);
  if (isEarly) await startAndKill(run, momentMs);
  if ((await readSavedBook(book)) === 'half') found.push('blocks.json is half after a start');
  await startReady(lab, agent);
  found.push(...(await whenReady(run, { dead, saved, isReboot, answeredBefore })));
  if (isReboot) {
    // What tripped before the power cut was judged by the book; from now on only what trips from now on counts.
    trips.all.length = 0;
    trips.all.push(...inBook(saved, run.forever.local));
    await trips.run(true);
  }
  return found;
}

/** The start itself is killed, before it is ready; unless it was faster. */
async function startAndKill({ agent }: Run, momentMs: number): Promise<void> {
  const starting = agent.start().catch(() => {});
  await sleep(momentMs);
  await agent.kill('SIGKILL');
  await starting;
}

type Dead = { kernel: Kernel | undefined; tripped: Tripped[]; found: string[] };

/** Detection goes on without an agent, and what was in force is. */
async function whileDead({ lab, trips, forever }: Run, killedAtMs: number): Promise<Dead> {
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

function wrongBook(saved: Held[] | string, before: Held[] | string): string[] {
  if (saved === 'half') return ['blocks.json is half'];
  if (typeof before === 'string') return [];
  if (typeof saved === 'string') return ['blocks.json is gone'];
  const nobody = () => false;
  return lostBlocks(before, saved, { nowMs: Date.now(), lifted: nobody }).map(
    (text) => `blocks.json: ${text}`,
  );
}

/** Sources that tripped before a time, are held still, and are not in the book on disk. */
function unsaved({ trips }: Run, saved: readonly Held[], beforeMs: number): string[] {
  const nowMs = Date.now();
  const known = new Set(saved.map(({ source }) => source));
  const missing = trips.all.filter(
    ({ source, fromMs, toMs }) =>
      toMs < beforeMs && fromMs + LASTS_MS - SLACK_MS > nowMs && !known.has(source),
  );
  return missing.map(({ source }) => `blocks.json: ${source} tripped a while ago and is not in it`);
}

async function cutPower(lab: Lab): Promise<void> {
  await endOrphans(lab);
  await lab.mustExec(HOST, ['nft', 'delete', 'table', 'inet', 'picket']);
  await lab.exec(HOST, ['conntrack', '-F']);
}

const inBook = (saved: Held[] | string, except: string): Tripped[] =>
  typeof saved === 'string'
    ? []
    : saved
        .filter(({ source }) => source !== except)
        .map(({ source, untilMs }) => ({ source, fromMs: untilMs - LASTS_MS, toMs: untilMs - LASTS_MS }));

type Facts = { dead: Dead; saved: Held[] | string; isReboot: boolean; answeredBefore: number };

async function whenReady(run: Run, { dead, saved, isReboot, answeredBefore }: Facts): Promise<string[]> {
  const { lab, agent, list, forever } = run;
  const kernel = await readKernel(lab);
  if (kernel === undefined) return ['the table is not whole when the agent watches'];
  const found: string[] = [];
  if ((await readRules(lab)) !== run.rules) found.push('the rules are not those of the first start');
  if ((await readTables(lab)) !== run.tables) found.push('there are other tables');
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
async function answered({ witness, forever }: Run): Promise<number> {
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

/** With the list at rest, the kernel has all of it and nothing else. */
async function wrongList({ lab, list, forever }: Run): Promise<string[]> {
  const named = [forever.shared];
  list.order({ ...ORDER, named, isFrozen: true });
  const difference = async () => {
    const wanted = new Set(list.served()?.sources);
    const have = new Set((await readKernel(lab))?.shared.map(({ source }) => source));
    return [...wanted].filter((s) => !have.has(s)).length + [...have].filter((s) => !wanted.has(s)).length;
  };
  const isSame = await soon(async () => (await difference()) === 0);
  const found = isSame ? [] : [`the network's list and the kernel differ by ${await difference()} for good`];
  list.order({ ...ORDER, named });
  return found;
}

const soon = (condition: () => Promise<boolean>): Promise<boolean> =>
  waitFor('it', condition, SETTLE_MS).catch((error: Error) => {
    if (!(error instanceof DeadlineError)) throw error;
    return false;
  });

/** Ends the agent in order, takes all down, and looks for what is left. */
async function takeDown({ lab, agent, trips }: Run, before: string): Promise<string[]> {
  await trips.run(false);
  await agent.kill('SIGTERM');
  await agent.down();
  const found: string[] = [];
  const tables = (await readTables(lab)).split('\n').filter((line) => !line.includes('witness'));
  if (tables.join('\n') !== before) found.push(`after "down" there are tables: ${tables.join(', ')}`);
  const left = await readOrphans(lab, undefined);
  if (left.length > 0) found.push(`after "down" there are processes: ${JSON.stringify(left)}`);
  if ((await readSavedBook(bookOf(agent))) !== 'none') found.push('after "down" there is a book of blocks');
  return found;
}
