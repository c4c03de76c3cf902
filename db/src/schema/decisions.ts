import { sql } from 'drizzle-orm';
import {
  boolean,
  check,
  cidr,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uuid,
} from 'drizzle-orm/pg-core';
import { bigCount, instant } from './columns.ts';
import { host, network } from './hosts.ts';

/** Shared blocks, one row a source. A lifted or ended one is kept as a removal: a host may ask from any old version. */
export const block = pgTable(
  'block',
  {
    networkId: uuid('network_id')
      .notNull()
      .references(() => network.id, { onDelete: 'cascade' }),
    source: cidr('source').notNull(),
    tier: text('tier').$type<'held' | 'dropped'>().notNull(),
    reason: text('reason').notNull(),
    /** `correlation`, or the name of the person who asked for it. */
    author: text('author').notNull(),
    createdAt: instant('created_at').notNull().defaultNow(),
    untilAt: instant('until_at').notNull(),
    removedAt: instant('removed_at'),
    /** Version of the network's block list that brought the newest change of this row. */
    version: bigCount('version').notNull(),
    /** How often the source has been blocked: a longer or harder block is the same one. */
    times: integer('times').notNull().default(1),
  },
  (t) => [
    primaryKey({ columns: [t.networkId, t.source] }),
    index('block_by_version').on(t.networkId, t.version),
    index('block_by_end').on(t.networkId, t.untilAt).where(sql`removed_at is null`),
    check('block_tier', sql`tier in ('held', 'dropped')`),
  ],
);

/** Sources that no host of the network blocks. */
export const allowEntry = pgTable(
  'allow_entry',
  {
    networkId: uuid('network_id')
      .notNull()
      .references(() => network.id, { onDelete: 'cascade' }),
    source: cidr('source').notNull(),
    reason: text('reason').notNull(),
    author: text('author').notNull(),
    createdAt: instant('created_at').notNull().defaultNow(),
    /** Null: until it is removed. */
    untilAt: instant('until_at'),
  },
  (t) => [primaryKey({ columns: [t.networkId, t.source] })],
);

/** What people ordered on a host: to block, unblock, allow or disallow somebody there. */
export const hostAct = pgTable(
  'host_act',
  {
    networkId: uuid('network_id').notNull(),
    hostId: uuid('host_id').notNull(),
    id: uuid('id').notNull(),
    act: text('act').$type<'block' | 'unblock' | 'allow' | 'disallow'>().notNull(),
    source: cidr('source').notNull(),
    at: instant('at').notNull(),
    untilAt: instant('until_at'),
    /** The person's name on the host. */
    author: text('author').notNull(),
    /** Whether a digest has told it. */
    isTold: boolean('is_told').notNull().default(false),
  },
  (t) => [
    primaryKey({ columns: [t.networkId, t.hostId, t.id] }),
    foreignKey({ columns: [t.networkId, t.hostId], foreignColumns: [host.networkId, host.id] }).onDelete(
      'cascade',
    ),
    index('host_act_untold').on(t.networkId).where(sql`not is_told`),
    check('host_act_kind', sql`act in ('block', 'unblock', 'allow', 'disallow')`),
  ],
);

/** The hourly mail of a network: claimed by one replica, sent once. */
export const digest = pgTable(
  'digest',
  {
    networkId: uuid('network_id')
      .notNull()
      .references(() => network.id, { onDelete: 'cascade' }),
    /** The full hour it is sent at; for one that a person asked for, that moment, which is never a full hour. */
    hour: instant('hour').notNull(),
    /** What the mail tells, fixed when it was claimed: a repeated try sends the same mail. */
    facts: jsonb('facts').notNull(),
    /** Version of the block list up to which blocks have been told: the next mail tells those after it. */
    listVersion: bigCount('list_version').notNull(),
    messageId: text('message_id').notNull(),
    attempts: integer('attempts').notNull().default(0),
    /** Until then no other replica may send it. */
    leaseUntil: instant('lease_until').notNull(),
    sentAt: instant('sent_at'),
    lastError: text('last_error'),
  },
  (t) => [
    primaryKey({ columns: [t.networkId, t.hour] }),
    index('digest_unsent').on(t.leaseUntil).where(sql`sent_at is null`),
  ],
);
