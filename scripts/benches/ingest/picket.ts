import { seeded } from '../../lab/random.ts';
import type { Context } from '../bench.ts';
import { type Case, CONNECTIONS, HOSTS } from './cases.ts';
import { type Collector, startCollector } from './collector.ts';
import { enrolFleet } from './enrol.ts';
import { figuresOf, type Measured } from './figures.ts';
import { type FleetHost, speakerOf } from './fleet.ts';
import { sendAll } from './load.ts';
import { planBatches } from './plan.ts';
import { sealAll } from './requests.ts';
import type { Site } from './site.ts';
import { countStored, openTables } from './tables.ts';

/** Loopback addresses of the connections: no limit of one address is what is measured. */
const addressOf = (connection: number): string => `127.0.2.${connection + 1}`;

/** One load on a collector with a fleet enrolled. */
export type Trial = {
  databaseUrl: string;
  collector: Collector;
  /** Hosts that are enrolled. */
  fleet: readonly FleetHost[];
  theCase: Case;
  seconds: number;
  seed: number;
  /** Number of the first source, where earlier loads went into the same database. */
  firstSource?: number;
};

/** Starts a collector on an empty database and measures one load; the database stays as the load left it. */
export async function measurePicket(
  context: Context,
  site: Site,
  { theCase, seconds, seed }: Pick<Trial, 'theCase' | 'seconds' | 'seed'>,
): Promise<{ measured: Measured; databaseUrl: string }> {
  const databaseUrl = await site.makeDatabase();
  const collector = await startCollector(site, databaseUrl);
  try {
    const fleet = await enrolFleet(collector, HOSTS);
    const measured = await measureLoad(context, { databaseUrl, collector, fleet, theCase, seconds, seed });
    return { measured, databaseUrl };
  } finally {
    await collector.stop();
  }
}

/** Plans and seals batches, sends them, and counts what the database holds then. */
export async function measureLoad(
  context: Context,
  { databaseUrl, collector, fleet, theCase, seconds, seed, firstSource = 0 }: Trial,
): Promise<Measured> {
  const { size } = theCase;
  const sql = openTables(databaseUrl);
  try {
    const order = {
      batches: theCase.mostPerSecond * seconds,
      size,
      hosts: fleet.length,
      firstSource,
      atMs: Date.now(),
    };
    const { batches, newShare } = planBatches({ ...order, random: seeded(seed) });
    if (newShare < 0.8) throw new Error(`only ${newShare} of the plan's sightings are new`);
    const requests = await sealAll(
      batches,
      fleet.map((host) => speakerOf(host, collector)),
    );
    const before = await countStored(sql);
    const { origin } = collector;
    const load = await sendAll(requests, {
      origin,
      connections: CONNECTIONS,
      lastsMs: seconds * 1_000,
      addressOf,
      everyMs: theCase.everyMs,
    });
    const after = await countStored(sql);
    const figures = figuresOf(load, 202);
    const stored = after.batches - before.batches;
    if (stored !== figures.accepted)
      context.remark(`${theCase.name}: ${figures.accepted} batches were answered 202, ${stored} are stored`);
    return {
      ...figures,
      errors: figures.errors + Math.abs(stored - figures.accepted),
      ...{ accepted: stored, size, tookMs: load.tookMs },
      grownBytes: after.sizeBytes - before.sizeBytes,
    };
  } finally {
    await sql.end();
  }
}
