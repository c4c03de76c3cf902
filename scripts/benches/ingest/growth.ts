import { statfs } from 'node:fs/promises';
import { totalmem } from 'node:os';
import type { Bench, Context } from '../bench.ts';
import type { Row } from '../result.ts';
import { type Case, HOSTS, SECONDS } from './cases.ts';
import { startCollector } from './collector.ts';
import { describeCurve, type Point } from './curve.ts';
import { enrolFleet } from './enrol.ts';
import { rowsOf } from './figures.ts';
import type { FleetHost } from './fleet.ts';
import { BYTES_PER_SIGHTING, loadHistory, openHistory, takeSeeds } from './history.ts';
import { measureLoad } from './picket.ts';
import { openSite, type Site } from './site.ts';
import { measureIndexes } from './tables.ts';

const PICKET = 'picket';

/** Sightings in place, and the name of the case. */
const STEPS = [
  { name: 'rows-1M', rows: 1_000_000 },
  { name: 'rows-10M', rows: 10_000_000 },
  { name: 'rows-30M', rows: 30_000_000 },
  { name: 'rows-100M', rows: 100_000_000 },
] as const;

/** Without `--rows`: more takes more than ten minutes to load. */
const ROWS = 10_000_000;

/** Large batches, by which the database is what limits. */
const LOAD: Case = { name: 'batch-200', size: 200, mostPerSecond: 200 };

/** Whether the rate holds as the tables grow. */
export const ingestGrowth: Bench = {
  rounds: 1,
  references: [PICKET],
  run: async (context) => {
    const most = context.rows ?? ROWS;
    // The rows of --rows are a step of their own when they are none of the named ones.
    const named = STEPS.filter(({ rows }) => rows <= most);
    const steps = named.some(({ rows }) => rows === most)
      ? named
      : [...named, { name: `rows-${most}`, rows: most }];
    context.remark('PostgreSQL and whoever sends share the other core; batches of 200');
    context.remark(
      'the history: copies of what a collector stored, from other sources, over 31 days; batches without their bodies',
    );
    const site = await openSite();
    try {
      await refuseSmallDisk(site.folder, most);
      return await grow(context, site, steps);
    } finally {
      await site.close();
    }
  },
};

async function refuseSmallDisk(folder: string, rows: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const [free, needed] = [bavail * bsize, rows * BYTES_PER_SIGHTING];
  if (free < needed)
    throw new Error(
      `--rows ${rows} needs ${Math.ceil(needed / 1e9)} GB in ${folder}, and ${Math.floor(free / 1e9)} GB are free: ` +
        'ask for fewer, or set TMPDIR to a larger disk',
    );
}

type Step = { name: string; rows: number };

/** The load of which a history is made. */
const SEED_LOAD: Case = { name: 'seeds', size: 200, mostPerSecond: 10 };
const SEED_SECONDS = 30;

/** Sources between the first ones of two loads: more than one of them has. */
const SOURCES_APART = 20_000_000;

async function grow(context: Context, site: Site, steps: readonly Step[]): Promise<Row[]> {
  const databaseUrl = await site.makeDatabase();
  const first = await startCollector(site, databaseUrl);
  const fleet = await enrolFleet(first, HOSTS);
  const seeding = {
    databaseUrl,
    collector: first,
    fleet,
    theCase: SEED_LOAD,
    seconds: SEED_SECONDS,
    seed: 0,
  };
  await measureLoad(context, seeding).finally(() => first.stop());
  const loader = await openHistory(databaseUrl);
  const seeds = await takeSeeds(loader);
  const rows: Row[] = [];
  const points: Point[] = [];
  let [copies, loads] = [0, 0];
  for (const step of steps) {
    const say = (text: string) => context.say(`${step.name}: ${text}`);
    copies = await loadHistory(loader, seeds, { copies, rows: step.rows }, say);
    for (let round = 1; round <= context.rounds; round++) {
      loads += 1;
      const found = await measureStep(context, site, { databaseUrl, fleet, name: step.name, loads });
      for (const { metric, value } of found) say(`${metric} ${value}`);
      rows.push(...found);
      const perSecond = Number(found.find(({ metric }) => metric === 'eventsPerSecond')?.value);
      points.push({ rows: step.rows, perSecond });
    }
  }
  const indexBytesPerRow = (await measureIndexes(loader)) / (copies * seeds.sightings);
  await loader.end();
  context.remark(describeCurve(points, { indexBytesPerRow, memoryBytes: totalmem() }));
  return rows;
}

type StepOrder = { databaseUrl: string; fleet: readonly FleetHost[]; name: string; loads: number };

async function measureStep(context: Context, site: Site, order: StepOrder): Promise<Row[]> {
  const { databaseUrl, fleet, name, loads } = order;
  const collector = await startCollector(site, databaseUrl, false);
  try {
    const measured = await measureLoad(context, {
      ...{ databaseUrl, collector, fleet, theCase: LOAD, seconds: context.seconds ?? SECONDS },
      ...{ seed: loads, firstSource: loads * SOURCES_APART },
    });
    return rowsOf(name, PICKET, measured);
  } finally {
    await collector.stop();
  }
}
