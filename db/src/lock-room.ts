import type { Sql } from './connect.ts';
import { DatabaseError } from './errors.ts';

const DAY_MS = 86_400_000;

/** Relations of one day: sightings with two indexes, batches with one. A query over all days locks each of them. */
const RELATIONS_PER_DAY = 5;

/** Days with partitions beside those of the retention: a week ahead, today, and one more. */
const MORE_DAYS = 9;

/** Transactions that look at all days at once: a digest, a person's question, and two more. */
const AT_ONCE = 4;

/** What a server has room for: locks of one transaction times transactions, as PostgreSQL sizes its table of locks. */
export interface LockRoom {
  /** `max_locks_per_transaction` */
  readonly perTransaction: number;
  /** `max_connections` plus `max_prepared_transactions` */
  readonly transactions: number;
}

/** Throws `too_few_locks` when the server's table of locks is too small for queries over all days of the retention. */
export async function checkLockRoom(sql: Sql, retentionMs: number): Promise<void> {
  const [row] = await sql<LockRoom[]>`
    select current_setting('max_locks_per_transaction')::int as "perTransaction",
      current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int as transactions`;
  if (row !== undefined) refuseLittleRoom(row, retentionMs);
}

/** {@link checkLockRoom} of a room that is known. */
export function refuseLittleRoom({ perTransaction, transactions }: LockRoom, retentionMs: number): void {
  const locksOf = (days: number) => (days + MORE_DAYS) * RELATIONS_PER_DAY * AT_ONCE;
  const days = Math.ceil(retentionMs / DAY_MS);
  const room = perTransaction * transactions;
  if (locksOf(days) <= room) return;
  const needed = Math.ceil(locksOf(days) / transactions);
  const most = Math.floor(room / RELATIONS_PER_DAY / AT_ONCE) - MORE_DAYS;
  throw new DatabaseError(
    'too_few_locks',
    `a retention of ${days} days needs max_locks_per_transaction = ${needed} or more in the server's postgresql.conf, ` +
      `where it is ${perTransaction}; as it is, PICKET_RETENTION may be ${most}d at most`,
  );
}
