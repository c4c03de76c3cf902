import { MAX_BATCH_AGE_MS } from '@picket/protocol';
import type { Sql } from './connect.ts';
import { deleteOldRows } from './retention.ts';

const DAY_MS = 86_400_000;

/** The tables that are partitioned by the day in the UUIDv7 that ends their key. */
export const DAY_TABLES = ['received_batch', 'sighting'] as const;

/** One of them. */
export type DayTable = (typeof DAY_TABLES)[number];

/** How long batches and sightings are kept, ms (90 days): a quarter's mails can be traced back to what was signed. */
export const RETENTION_MS = 90 * DAY_MS;

/** Shortest retention, ms: as long as a batch may be late, so that a repeated batch meets its first copy. */
export const MIN_RETENTION_MS = MAX_BATCH_AGE_MS;

/** Longest retention, ms: ten years. Each day is two tables, and PostgreSQL plans well with a few thousand. */
export const MAX_RETENTION_MS = 3_653 * DAY_MS;

/** Key of the advisory lock that only partition work takes: first 8 bytes of SHA-256 of "picket partitions". */
const PARTITION_LOCK = '-4201564572383451285';

/** Longest a change of partitions waits for running batches before it leaves the rest to the next run. */
const LOCK_TIMEOUT = '5s';

/** Which days have partitions. */
export interface PartitionPolicy {
  /** Now, Unix ms. */
  readonly nowMs: number;
  /** Age at which a day is forgotten, ms. */
  readonly retentionMs: number;
  /** Days after today that have their partition already: how long this job may fail before a batch is refused. */
  readonly aheadDays?: number;
}

/** One day's partition: its table and the least `jti` of that day and of the next. */
export interface DayPartition {
  readonly table: string;
  readonly from: string;
  readonly to: string;
}

/** Least UUIDv7 made at or after an instant, without version bits: compares below every real one. */
export function leastUuid7(ms: number): string {
  const hex = ms.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}

/** The partition of a table for the UTC day that holds an instant. */
export function dayPartition(table: DayTable, ms: number): DayPartition {
  const startMs = Math.floor(ms / DAY_MS) * DAY_MS;
  const day = new Date(startMs).toISOString().slice(0, 10).replaceAll('-', '');
  return { table: `${table}_${day}`, from: leastUuid7(startMs), to: leastUuid7(startMs + DAY_MS) };
}

/**
 * What is to be made and dropped of one table. Days are made back to the oldest a batch may have; the oldest day kept is
 * the one that still holds a batch of the retention's age. Tables that are no day's partition are left alone.
 */
export function planPartitions(
  table: DayTable,
  existing: readonly string[],
  { nowMs, retentionMs, aheadDays = 7 }: PartitionPolicy,
): { make: DayPartition[]; drop: string[] } {
  const oldest = dayPartition(table, nowMs - retentionMs).table;
  const oldestMade = dayPartition(table, nowMs - Math.min(retentionMs, MIN_RETENTION_MS)).table;
  const wanted: DayPartition[] = [];
  for (let ms = nowMs + aheadDays * DAY_MS; dayPartition(table, ms).table >= oldestMade; ms -= DAY_MS) {
    wanted.push(dayPartition(table, ms));
  }
  const isDay = new RegExp(`^${table}_\\d{8}$`);
  return {
    make: wanted.filter((day) => !existing.includes(day.table)),
    drop: existing.filter((name) => isDay.test(name) && name < oldest),
  };
}

/**
 * Makes the partitions of the coming days and of the days that a late batch may be of, drops those past the retention,
 * and deletes what has no days by a bounded number of rows. Any replica may run it at any time: one does, for the others
 * wait for it and find nothing to do.
 *
 * @returns the tables made and dropped
 */
export async function maintainPartitions(
  sql: Sql,
  policy: PartitionPolicy,
): Promise<{ made: string[]; dropped: string[] }> {
  const done = { made: [] as string[], dropped: [] as string[] };
  for (const table of DAY_TABLES) {
    const { made, dropped } = await maintainTable(sql, table, policy);
    done.made.push(...made);
    done.dropped.push(...dropped);
  }
  await deleteOldRows(sql, policy.nowMs - policy.retentionMs);
  return done;
}

async function maintainTable(
  sql: Sql,
  parent: DayTable,
  policy: PartitionPolicy,
): Promise<{ made: string[]; dropped: string[] }> {
  return sql.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(${PARTITION_LOCK}::int8)`;
    await tx`select set_config('lock_timeout', ${LOCK_TIMEOUT}, true)`;
    const existing = await tx<{ name: string }[]>`
      select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = ${parent}::text::regclass`;
    const { make, drop } = planPartitions(
      parent,
      existing.map((row) => row.name),
      policy,
    );
    for (const partition of make) await tx.unsafe(makeStatements(parent, partition));
    for (const table of drop) await tx.unsafe(`drop table "${table}"`);
    return { made: make.map(({ table }) => table), dropped: drop };
  });
}

/**
 * ATTACH takes a weaker lock on the parent than `CREATE TABLE … PARTITION OF`: batches go on being stored. Sightings of
 * the day that a wrong clock made before it had a partition are moved out of the default one, which ATTACH locks anyway.
 */
function makeStatements(parent: DayTable, { table, from, to }: DayPartition): string {
  const adopt =
    parent === 'sighting'
      ? `lock table sighting_other in access exclusive mode;
        with moved as (delete from sighting_other where id >= '${from}' and id < '${to}' returning *)
        insert into "${table}" select * from moved;`
      : '';
  return `
    create table "${table}" (like ${parent} including defaults including constraints including indexes
      including storage including compression);
    ${adopt}
    alter table ${parent} attach partition "${table}" for values from ('${from}') to ('${to}')`;
}
