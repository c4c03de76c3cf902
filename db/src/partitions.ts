import { MAX_BATCH_AGE_MS } from '@picket/protocol';
import type { Sql } from './connect.ts';

const DAY_MS = 86_400_000;

/** How long batches are kept, ms: as long as one may be late, so that a repeated batch meets its first copy. */
export const RETENTION_MS = MAX_BATCH_AGE_MS;

/** Key of the advisory lock that only partition work takes: first 8 bytes of SHA-256 of "picket partitions". */
const PARTITION_LOCK = '-4201564572383451285';

/** Longest a change of partitions waits for running batches before it leaves the rest to the next run. */
const LOCK_TIMEOUT = '5s';

/** Which days have a partition of `received_batch`. */
export interface PartitionPolicy {
  /** Now, Unix ms. */
  readonly nowMs: number;
  /** Age at which a batch is forgotten, ms; also how far back partitions are made. */
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

/** The partition of the UTC day that holds an instant. */
export function dayPartition(ms: number): DayPartition {
  const startMs = Math.floor(ms / DAY_MS) * DAY_MS;
  const day = new Date(startMs).toISOString().slice(0, 10).replaceAll('-', '');
  return { table: `received_batch_${day}`, from: leastUuid7(startMs), to: leastUuid7(startMs + DAY_MS) };
}

/**
 * What is to be made and dropped. The oldest day kept is the one that still holds a batch of the retention's age;
 * tables that are no day's partition are left alone.
 */
export function planPartitions(
  existing: readonly string[],
  { nowMs, retentionMs, aheadDays = 7 }: PartitionPolicy,
): { make: DayPartition[]; drop: string[] } {
  const oldest = dayPartition(nowMs - retentionMs).table;
  const wanted: DayPartition[] = [];
  for (let ms = nowMs + aheadDays * DAY_MS; dayPartition(ms).table >= oldest; ms -= DAY_MS) {
    wanted.push(dayPartition(ms));
  }
  return {
    make: wanted.filter(({ table }) => !existing.includes(table)),
    drop: existing.filter((table) => /^received_batch_\d{8}$/.test(table) && table < oldest),
  };
}

/**
 * Makes the partitions of the coming days and of the days back to the retention, drops older ones. Safe when several
 * replicas run it at once.
 *
 * @returns the tables made and dropped
 */
export async function maintainPartitions(
  sql: Sql,
  policy: PartitionPolicy,
): Promise<{ made: string[]; dropped: string[] }> {
  return sql.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(${PARTITION_LOCK}::int8)`;
    await tx`select set_config('lock_timeout', ${LOCK_TIMEOUT}, true)`;
    const existing = await tx<{ name: string }[]>`
      select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = 'received_batch'::regclass`;
    const { make, drop } = planPartitions(
      existing.map((row) => row.name),
      policy,
    );
    for (const partition of make) await tx.unsafe(makeStatements(partition));
    for (const table of drop) await tx.unsafe(`drop table "${table}"`);
    return { made: make.map(({ table }) => table), dropped: drop };
  });
}

/** ATTACH takes a weaker lock on the parent than `CREATE TABLE … PARTITION OF`: batches go on being stored. */
function makeStatements({ table, from, to }: DayPartition): string {
  return `
    create table "${table}" (like received_batch including defaults including constraints including indexes
      including storage including compression);
    alter table received_batch attach partition "${table}" for values from ('${from}') to ('${to}')`;
}
