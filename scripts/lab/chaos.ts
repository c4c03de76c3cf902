import { setTimeout as sleep } from 'node:timers/promises';
import { type Chain, startChain } from './chain.ts';
import { type ChaosDatabase, ownDatabase, privateDatabase } from './chaos-database.ts';
import { recordScans, type ScanRecord } from './chaos-ledger.ts';
import { leftBehind, settle } from './chaos-look.ts';
import { type Gap, reconcile } from './chaos-model.ts';
import { killAtCall } from './chaos-moment.ts';
import { collectorWire, type Wire } from './chaos-network.ts';
import { draw, type Kill, type Plan } from './chaos-plan.ts';
import { readStored } from './chaos-stored.ts';
import { startReady } from './kill.ts';
import { PORTS, prepareTrips, type Trips } from './kill-trips.ts';
import { type Lab, openLab } from './lab.ts';
import { seeded } from './random.ts';

export type ChaosOptions = {
  times: number;
  seed: number;
  /** Where the collector has its database: on a server of the lab, or on its own private one. */
  database: 'own' | 'private';
  say: (text: string) => void;
};

/** What came of it; without `violations` all is well. */
export type ChaosResult = {
  kills: number;
  /** Kills as a system call began, of those. */
  atCalls: number;
  sources: number;
  violations: string[];
};

const HOSTS = ['a', 'b'] as const;

/** Every few hundred ms a fresh source trips: more than the limit takes for real. */
const SETTINGS = `[block]
evidence = "any"
`;

/** Sources in a stream: it reaches neither the next stream's numbers nor the last of the network. */
const STREAM = 20_000;

/** Fresh sources of each stream, and how often, ms: four a second and host, an hour would not fill a set. */
const PACE = { batch: 2, pauseMs: 400 };

/** One of five stays below the threshold. */
const portsOf = (serial: number): readonly number[] => (serial % 5 === 0 ? PORTS.slice(0, 2) : PORTS);

export type Chaos = {
  lab: Lab;
  chain: Chain;
  database: ChaosDatabase;
  wire: Wire;
  streams: Trips[];
  record: ScanRecord;
  gaps: Gap[];
};

/** Kills whatever is between a probe and its row, at moments that a seed determines, while sources scan all the time. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const { times, seed, say } = options;
  const random = seeded(seed);
  const lab = await openLab({ hosts: HOSTS });
  let [chaos, own]: [Chaos?, ChaosDatabase?] = [];
  try {
    own = options.database === 'own' ? await ownDatabase(lab.folder) : undefined;
    chaos = await setUp(lab, own);
    let atCalls = 0;
    for (let n = 1; n <= times; n++) {
      const plan = draw(random, { hosts: HOSTS, isPrivate: options.database === 'private' });
      const { what, isAtCall } = await carryOut(chaos, plan);
      if (isAtCall) atCalls += 1;
      say(`${n}: ${what}`);
    }
    return { kills: times, atCalls, ...(await account(chaos, say)) };
  } finally {
    for (const stream of chaos?.streams ?? []) await stream.run(false);
    await own?.stop();
    await lab.close();
  }
}

async function setUp(lab: Lab, own: ChaosDatabase | undefined): Promise<Chaos> {
  const chain = await startChain(lab, { settings: SETTINGS, ...(own && { databaseUrl: own.url() }) });
  const database = own ?? privateDatabase(chain.collector.dataDir);
  const record = await recordScans(lab);
  const streams: Trips[] = [];
  for (const [n, host] of HOSTS.entries())
    streams.push(await prepareTrips(lab, { host, first: n * STREAM, portsOf, pace: PACE }));
  for (const stream of streams) await stream.run(true);
  return { lab, chain, database, wire: collectorWire(lab), streams, record, gaps: [] };
}

/** Does one thing, has what died started again, and tells what it was. */
async function carryOut(chaos: Chaos, plan: Plan): Promise<{ what: string; isAtCall: boolean }> {
  await sleep(plan.momentMs);
  if (plan.victim === 'network') {
    await chaos.wire.cut(plan.lastsMs);
    return { what: `network, cut for ${plan.lastsMs} ms`, isAtCall: false };
  }
  const hit = await kill(chaos, plan);
  const name = plan.victim === 'agent' ? `agent of ${plan.host}` : plan.victim;
  const when = hit === undefined ? `${plan.momentMs} ms after the last` : `at ${hit}`;
  return { what: `${name}, ${when}`, isAtCall: hit !== undefined };
}

/** kill -9, at a system call when the plan says so; then whoever is dead is started again. */
async function kill(chaos: Chaos, plan: Kill): Promise<string | undefined> {
  const { lab, chain, database } = chaos;
  if (plan.victim === 'agent') return killAgent(chaos, plan);
  const pids = plan.victim === 'database' ? await database.pids() : [chain.collector.pid()];
  const hit = plan.call && (await killAtCall(lab, pids, plan.call));
  if (plan.victim !== 'database') await chain.collector.kill('SIGKILL');
  if (plan.victim !== 'collector') await database.kill();
  await sleep(plan.downMs);
  if (!database.isPrivate) await database.start();
  if (plan.victim !== 'database') await chain.collector.start();
  await database.start();
  return hit;
}

async function killAgent(
  { lab, chain, gaps }: Chaos,
  { host, call, downMs }: Kill,
): Promise<string | undefined> {
  const agent = chain.agents.get(host);
  if (agent === undefined) throw new Error(`no agent on ${host}`);
  const fromMs = Date.now();
  const hit = call && (await killAtCall(lab, [await agent.pid()], call));
  await agent.kill('SIGKILL');
  await sleep(downMs);
  await startReady(lab, agent, host);
  // It reads the kernel's news from now on at the latest.
  gaps.push({ host, fromMs, toMs: Date.now() });
  return hit;
}

/** Ends the streams, lets everything come to rest, and looks at what is there and what is left. */
async function account(chaos: Chaos, say: (text: string) => void) {
  for (const stream of chaos.streams) await stream.run(false);
  await chaos.wire.whole();
  say('the streams ended; waiting until all is told');
  const violations = await settle(chaos);
  const sent = await chaos.record.stop();
  const stored = await readStored(chaos.database.url());
  violations.push(...reconcile({ sent, gaps: chaos.gaps }, stored));
  violations.push(...(await leftBehind(chaos)));
  return { sources: new Set(sent.map(({ source }) => source)).size, violations };
}
