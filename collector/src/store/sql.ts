import type { Sql } from '@picket/db';
import type postgres from 'postgres';

export type { Sql } from '@picket/db';

/** A transaction of {@link Sql}. */
export type Tx = postgres.TransactionSql<
  Sql extends postgres.Sql<infer Types extends Record<string, unknown>> ? Types : never
>;

/** Where one statement can run: on a connection of the pool or inside a transaction. */
export type Query = Sql | Tx;

/** Unix ms of a column that may be null. */
export const msOf = (date: Date | null): number | undefined => date?.getTime();

/**
 * A member of an array of times, from Unix ms that may be missing. Text, not a Date: postgres.js types an array after
 * its first member, and takes one of Dates for a single time.
 */
export const isoOf = (ms: number | undefined): string | null =>
  ms === undefined ? null : new Date(ms).toISOString();
