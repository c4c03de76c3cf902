import { bigint, index, integer, jsonb, pgTable, primaryKey, text, uuid, varchar } from 'drizzle-orm/pg-core';
import { instant } from './columns.ts';

/**
 * Every administrative act, written in the transaction of the act itself. No foreign key: the log outlives what it tells
 * of. Acts on the collector as a whole stand under the nil UUID (RFC 9562 section 5.9), so that the key begins with a
 * network here too.
 */
export const auditEntry = pgTable(
  'audit_entry',
  {
    networkId: uuid('network_id').notNull(),
    /** UUIDv7: entries of one moment keep the order in which they were written. */
    id: uuid('id').notNull(),
    at: instant('at').notNull(),
    /** Who did it: `person@machine` of a command line, `host:ID`, or `collector` for what it did by itself. */
    who: text('who').notNull(),
    /** A noun and a verb, as `join-token.withdraw`. */
    act: text('act').notNull(),
    /** What it was done to: a source, a host's id, the name of a token. */
    subject: text('subject').notNull(),
    details: jsonb('details').notNull().default({}),
  },
  (t) => [primaryKey({ columns: [t.networkId, t.id] }), index('audit_entry_by_time').on(t.networkId, t.at)],
);

/**
 * Points spent against limits, where several replicas share them. The columns are those of rate-limiter-flexible's
 * PostgreSQL store. Unlogged (in the migration: drizzle cannot say it): a crash may forget it, and no commit waits for it.
 */
export const rateLimit = pgTable('rate_limit', {
  key: varchar('key', { length: 255 }).primaryKey(),
  points: integer('points').notNull().default(0),
  /** Unix ms. */
  expire: bigint('expire', { mode: 'number' }),
});
