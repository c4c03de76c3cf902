import { setTimeout } from 'node:timers/promises';
import { maintainPartitions } from '@picket/db';
import { schedule } from 'node-cron';
import type { Log } from '../deps.ts';
import { type DigestDeps, runDigests, sendLeftDigests } from '../digest/run.ts';
import { sweepLists } from '../store/sweep.ts';

/** When each job runs. Hours are those of UTC: elsewhere minute 0 may be half past. */
const EACH_MINUTE = '* * * * *';
const EACH_HOUR = '0 * * * *';
/** Beside the digests, not with them. */
const EACH_HOUR_BESIDE = '17 * * * *';

/**
 * How long a stop waits for jobs under way, ms: three seconds, in which a mail to a server that answers gets through.
 * Then mails are cut off and left to a later run, which sends the same ones under the same Message-IDs.
 */
const GRACE_MS = 3_000;

/** How long jobs that were cut off may take to record it, ms; one that hangs longer loses nothing but the record. */
const CUT_OFF_MS = 2_000;

/** Jobs under way can be waited for. */
export interface Jobs {
  /** Starts no more jobs and resolves when those under way have ended or were cut off, within a few seconds. */
  stop(): Promise<void>;
}

/** What the jobs work with. */
export interface JobParts extends Omit<DigestDeps, 'stop'> {
  /** How long batches and sightings are kept, ms. */
  readonly retentionMs: number;
}

/** Starts what happens by the clock. Every replica runs every job: each is harmless to run beside others. */
export function startJobs({ retentionMs, ...parts }: JobParts): Jobs {
  const cutOff = new AbortController();
  const deps: DigestDeps = { ...parts, stop: cutOff.signal };
  const underWay = new Set<Promise<void>>();
  const run = (name: string, job: () => Promise<void>): Promise<void> => {
    const running = job()
      .catch((error) => deps.log.error({ err: error, job: name }, 'a job failed; it runs again'))
      .finally(() => underWay.delete(running));
    underWay.add(running);
    return running;
  };
  const jobs: [string, string, () => Promise<void>][] = [
    ['sweep', EACH_MINUTE, () => sweep(deps)],
    ['digests', EACH_HOUR, () => runDigests(deps)],
    ['left digests', EACH_MINUTE, () => sendLeftDigests(deps)],
    ['partitions', EACH_HOUR_BESIDE, () => keepDays(deps, retentionMs)],
  ];
  const options = { timezone: 'UTC', noOverlap: true, logger: cronLog(deps.log) };
  const tasks = jobs.map(([name, when, job]) => schedule(when, () => run(name, job), { ...options, name }));
  // What the collector missed while it was down.
  void run('sweep', () => sweep(deps));
  void run('digests', () => runDigests(deps));
  void run('partitions', () => keepDays(deps, retentionMs));
  return {
    async stop() {
      await Promise.all(tasks.map((task) => task.destroy()));
      if (await endWithin(underWay, GRACE_MS)) return;
      cutOff.abort();
      if (!(await endWithin(underWay, CUT_OFF_MS))) deps.log.warn({}, 'jobs under way were left alone');
    },
  };
}

/** Whether all ended in that time. */
async function endWithin(jobs: Iterable<Promise<void>>, timeMs: number): Promise<boolean> {
  const clock = new AbortController();
  const late = setTimeout(timeMs, false, { signal: clock.signal }).catch(() => false);
  const isEnded = await Promise.race([Promise.all(jobs).then(() => true), late]);
  clock.abort();
  return isEnded;
}

async function sweep({ sql, log, nowMs }: DigestDeps): Promise<void> {
  const swept = await sweepLists(sql, nowMs());
  for (const { networkId, version } of swept) log.debug({ networkId, version }, 'ended blocks taken out');
}

async function keepDays({ sql, log, nowMs }: DigestDeps, retentionMs: number): Promise<void> {
  const { made, dropped, untold } = await maintainPartitions(sql, { nowMs: nowMs(), retentionMs });
  if (untold > 0) log.warn({ untold }, 'sightings are past the retention that no mail has told');
  if (made.length + dropped.length > 0) log.info({ made, dropped }, 'days made ahead and dropped');
}

/** node-cron speaks of missed and overlapping runs. */
function cronLog(log: Log) {
  return {
    info: (message: string) => log.debug({}, message),
    warn: (message: string) => log.warn({}, message),
    error: (message: string | Error) => log.error({ err: message }, 'scheduler'),
    debug: (message: string | Error) => log.debug({ err: message }, 'scheduler'),
  };
}
