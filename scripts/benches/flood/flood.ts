import { setTimeout as sleep } from 'node:timers/promises';
import { seal } from '@picket/agent/uplink/seal';
import { EVENT } from '@picket/protocol';
import { seeded } from '../../lab/random.ts';
import type { Bench, Context } from '../bench.ts';
import { type Collector, startCollector } from '../ingest/collector.ts';
import { enrolFleet } from '../ingest/enrol.ts';
import { figuresOf, percentilesOf } from '../ingest/figures.ts';
import { type FleetHost, makeIdentity, speakerOf } from '../ingest/fleet.ts';
import type { Answer, Prepared } from '../ingest/load.ts';
import { planBatches } from '../ingest/plan.ts';
import { sealAll } from '../ingest/requests.ts';
import { openSite, type Site } from '../ingest/site.ts';
import type { Row } from '../result.ts';
import { attack, type Outcome } from './attacker.ts';
import { BAD_KINDS, badRequests } from './bad.ts';
import { pushHonestly } from './honest.ts';

const PICKET = 'picket';
const HONEST_HOSTS = 50;
const BATCH_SIZE = 20;
const BAD_PER_SECOND = 10_000;
const SECONDS = 30;

/** A flood begins before the honest hosts, so that its limits and backlogs are there already, ms. */
const HEAD_START_MS = 2_000;

/** How long honest hosts wait while somebody sends bad requests. */
export const flood: Bench = {
  rounds: 1,
  references: [PICKET],
  run: async (context) => {
    context.remark(
      'whoever floods, the honest hosts and PostgreSQL share one core, the collector has the other: with more cores more of the flood arrives',
    );
    context.remark(`bad requests in equal parts: ${BAD_KINDS.join(', ')}`);
    context.remark(
      `${HONEST_HOSTS} honest hosts push a batch of ${BATCH_SIZE} a second each, timed from when it is due`,
    );
    const site = await openSite();
    try {
      const rows: Row[] = [];
      for (let round = 1; round <= context.rounds; round++)
        for (const name of ['quiet', 'flood'] as const)
          if (context.wants(name, PICKET)) rows.push(...(await measure(context, site, name, round)));
      return rows;
    } finally {
      await site.close();
    }
  },
};

async function measure(context: Context, site: Site, name: 'quiet' | 'flood', round: number): Promise<Row[]> {
  const seconds = context.seconds ?? SECONDS;
  const databaseUrl = await site.makeDatabase();
  const collector = await startCollector(site, databaseUrl);
  try {
    const fleet = await enrolFleet(collector, HONEST_HOSTS);
    const requests = await honestRequests(collector, fleet, seconds, round);
    const bad = badRequests(new URL(collector.origin).host, await tokensOf(collector, fleet));
    const flooding =
      name === 'flood' ? startFlood(site, collector, bad, seconds * 1_000 + HEAD_START_MS) : undefined;
    if (flooding !== undefined) await sleep(HEAD_START_MS);
    const answers = await pushHonestly(collector.origin, requests);
    const rows = [...honestRows(name, answers), ...(flooding ? floodRows(name, await flooding) : [])];
    for (const { metric, value } of rows) context.say(`${name} ${metric} ${value}`);
    return rows;
  } finally {
    await collector.stop();
    await site.dropDatabase(databaseUrl);
  }
}

const startFlood = (site: Site, { origin }: Collector, requests: readonly Buffer[], lastsMs: number) =>
  attack(site.folder, { origin, requests, perSecond: BAD_PER_SECOND, lastsMs });

/** The batches of each host, in order. */
async function honestRequests(
  collector: Collector,
  fleet: readonly FleetHost[],
  seconds: number,
  seed: number,
): Promise<Prepared[][]> {
  const hosts = fleet.length;
  const order = { batches: hosts * seconds, size: BATCH_SIZE, hosts, atMs: Date.now(), random: seeded(seed) };
  const speakers = fleet.map((host) => speakerOf(host, collector));
  const all = await sealAll(planBatches(order).batches, speakers);
  return fleet.map((_, host) => all.filter((_each, n) => n % hosts === host));
}

/** A token of a stranger, and one of a host of the fleet. */
async function tokensOf(
  collector: Collector,
  [known]: readonly FleetHost[],
): Promise<{ unknown: string; known: string }> {
  const stranger = known && { ...known, identity: await makeIdentity() };
  if (stranger === undefined || known === undefined) throw new Error('a fleet has hosts');
  const content = { events: { [EVENT.sightings]: { sightings: [] } }, hasTrip: false };
  const sealAs = async (host: FleetHost) => (await seal(content, speakerOf(host, collector))).jws;
  return { unknown: await sealAs(stranger), known: await sealAs(known) };
}

function honestRows(name: string, answers: readonly Answer[]): Row[] {
  const { errors } = figuresOf({ answers: [...answers] }, 202);
  // Of all, for who got no answer has waited too.
  const { p50, p99 } = percentilesOf(answers);
  const row = (metric: string, unit: string, value: number | undefined): Row[] =>
    value === undefined ? [] : [{ case: name, who: PICKET, metric, unit, value }];
  return [
    ...row('p50', 'ms', p50),
    ...row('p99', 'ms', p99),
    ...row('errors', 'count', errors),
    ...row('batches', 'count', answers.length),
  ];
}

function floodRows(name: string, { sent, heldUp, closed, tookMs, statuses }: Outcome): Row[] {
  const perSecond = (count: number) => Math.round(count / (tookMs / 1_000));
  const answered = Object.values(statuses).reduce((sum, each) => sum + each, 0);
  const row = (metric: string, value: number): Row => ({
    case: name,
    who: PICKET,
    metric,
    unit: 'count',
    value,
  });
  return [
    row('badSentPerSecond', perSecond(sent)),
    row('badHeldUpPerSecond', perSecond(heldUp)),
    row('badAnsweredPerSecond', perSecond(answered)),
    row('connectionsClosed', closed),
    ...Object.entries(statuses).map(([status, count]) => row(`answered${status}`, count)),
  ];
}
