import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatBook } from '@picket/agent/blocks/book';
import { type Agent, prepareAgent } from './agent.ts';
import {
  endOrphans,
  HOST,
  readKernel,
  readOrphans,
  readRules,
  readSavedBook,
  readTables,
} from './kill-host.ts';
import {
  answered,
  bookOf,
  inBook,
  LASTS_MS,
  logOf,
  ORDER,
  type Run,
  unsaved,
  whenReady,
  whileDead,
  wrongBook,
} from './kill-look.ts';
import { prepareTrips, type Trips } from './kill-trips.ts';
import { type Lab, openLab } from './lab.ts';
import { startListServer } from './list-order.ts';
import { seeded } from './random.ts';
import { waitFor } from './wait.ts';

export type KillOptions = {
  times: number;
  seed: number;
  /** Tells each kill as it is done. */
  say: (text: string) => void;
};

/** What came of it; without `violations` all is well. */
export type KillResult = { kills: number; reboots: number; trips: number; violations: string[] };

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

const READY_MS = 30_000;
/**
 * Kills an agent at moments that a seed determines, while sources trip and the network's list changes all the time, and
 * looks from outside at what is left.
 */
export async function runKills({ times, seed, say }: KillOptions): Promise<KillResult> {
  const random = seeded(seed);
  const lab = await openLab({ hosts: [HOST] });
  let trips: Trips | undefined;
  try {
    const before = await readTables(lab);
    const run = await setUp(lab);
    trips = run.trips;
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
    await trips?.run(false);
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

/** A block of an hour, as if this host had decided it before. */
function foreverBook(source: string): string {
  const [atMs, tier] = [Date.now(), 'held' as const];
  const block = { source, tier, atMs, untilMs: atMs + 3_600_000, droppedPackets: 0 };
  return formatBook(new Map([[source, { ...block, decidedBy: 'agent' }]]));
}

const timesReady = async (lab: Lab, host: string): Promise<number> =>
  (await logOf(lab, host)).split(' watching').length;

/** Starts the agent and waits until it says that it watches, its saved list in force. */
export async function startReady(lab: Lab, agent: Agent, host = HOST): Promise<void> {
  const before = await timesReady(lab, host);
  await agent.start();
  await waitFor('the agent to watch', async () => (await timesReady(lab, host)) > before, READY_MS);
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

async function cutPower(lab: Lab): Promise<void> {
  await endOrphans(lab);
  await lab.mustExec(HOST, ['nft', 'delete', 'table', 'inet', 'picket']);
  await lab.exec(HOST, ['conntrack', '-F']);
}

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
