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

/**
 * Longest a change of partitions waits for running batches before it leaves the rest to the next run: batches wait behind
 * it, and give up after two seconds.
 */
const LOCK_TIMEOUT = '1500ms';

/** What PostgreSQL calls a lock that was not had in time. */
const LOCK_NOT_AVAILABLE = '55P03';

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

/** What was done. */
export interface Maintained {
  readonly made: string[];
  readonly dropped: string[];
  /** Sightings dropped that no digest has told. */
  untold: number;
}

/**
 * Makes the partitions of the coming days and of the days that a late batch may be of, drops those past the retention,
 * and deletes what has no days by a bounded number of rows. Any replica may run it at any time: each day is a transaction
 * of its own, which one makes and the others find made. A day that somebody keeps locked is left to the next run.
 *
 * @throws what PostgreSQL says, also of a lock when there is no partition for now
 */
export async function maintainPartitions(sql: Sql, policy: PartitionPolicy): Promise<Maintained> {
  const done: Maintained = { made: [], dropped: [], untold: 0 };
  for (const table of DAY_TABLES) await maintainTable(sql, table, policy, done);
  await deleteOldRows(sql, policy.nowMs - policy.retentionMs);
  return done;
}

async function maintainTable(
  sql: Sql,
  parent: DayTable,
  policy: PartitionPolicy,
  done: Maintained,
): Promise<void> {
  const { make, drop } = planPartitions(parent, await partitionsOf(sql, parent), policy);
  const today = dayPartition(parent, policy.nowMs).table;
  try {
    for (const day of make.sort((a, b) => Number(b.table === today) - Number(a.table === today))) {
      const work = (tx: Tx) => tx.unsafe(makeStatements(parent, day));
      if (await inTurn(sql, day.table, { isThere: false }, work)) done.made.push(day.table);
    }
    for (const table of drop) {
      const work = async (tx: Tx) => {
        done.untold += await drops[parent](tx, table, policy.nowMs - policy.retentionMs);
      };
      if (await inTurn(sql, table, { isThere: true }, work)) done.dropped.push(table);
    }
  } catch (error) {
    const isLocked = (error as { code?: string }).code === LOCK_NOT_AVAILABLE;
    if (!isLocked || !(await partitionsOf(sql, parent)).includes(today)) throw error;
  }
}

type Tx = Parameters<Parameters<Sql['begin']>[1]>[0];

async function partitionsOf(sql: Sql, parent: DayTable): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = ${parent}::text::regclass`;
  return rows.map(({ name }) => name);
}

/** Works on one table, unless another replica has done it meanwhile. @returns whether it was done here */
async function inTurn(
  sql: Sql,
  table: string,
  { isThere }: { isThere: boolean },
  work: (tx: Tx) => Promise<unknown>,
): Promise<boolean> {
  return sql.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(${PARTITION_LOCK}::int8)`;
    // Moving a day's rows may take longer than any statement of a batch.
    await tx`select set_config('lock_timeout', ${LOCK_TIMEOUT}, true), set_config('statement_timeout', '0', true)`;
    const [row] = await tx<{ is: boolean }[]>`select to_regclass(${table}) is not null as is`;
    if (row?.is !== isThere) return false;
    await work(tx);
    return true;
  });
}

/** How a day is dropped; each tells how many rows went that no digest has told. */
const drops: Record<DayTable, (tx: Tx, table: string, beforeMs: number) => Promise<number>> = {
  async received_batch(tx, table) {
    await tx.unsafe(`drop table "${table}"`);
    return 0;
  },
  /** A sighting that began long ago and goes on stays, in the default partition: its next word must not make it a new one. */
  async sighting(tx, table, beforeMs) {
    const before = new Date(beforeMs).toISOString();
    await tx.unsafe(`alter table sighting detach partition "${table}"`);
    await tx.unsafe(`insert into sighting select * from "${table}" where last_at >= $1`, [before]);
    const [row] = await tx.unsafe<{ untold: number }[]>(
      `select count(*)::int as untold from "${table}" where last_at < $1 and told_rev < news_rev`,
      [before],
    );
    await tx.unsafe(`drop table "${table}"`);
    return row?.untold ?? 0;
  },
};

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
