import { sql } from 'drizzle-orm';
import {
  check,
  cidr,
  foreignKey,
  index,
  inet,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uuid,
} from 'drizzle-orm/pg-core';
import { bigCount, instant } from './columns.ts';
import { host, network } from './hosts.ts';

/**
 * Signed batches as they came: the evidence. Partitioned by range of `jti`, a UUIDv7, so by the day it was made:
 * the primary key holds the partition key, and a repeated batch always meets its first copy. The partitioning itself
 * is in the migration: drizzle cannot say it.
 */
export const receivedBatch = pgTable(
  'received_batch',
  {
    networkId: uuid('network_id').notNull(),
    hostId: uuid('host_id').notNull(),
    jti: uuid('jti').notNull(),
    receivedAt: instant('received_at').notNull().defaultNow(),
    /** The compact JWS. */
    token: text('token').notNull(),
  },
  (t) => [primaryKey({ columns: [t.networkId, t.hostId, t.jti] })],
);

/** What a host saw of a source in a while, its newest revision. */
export const sighting = pgTable(
  'sighting',
  {
    networkId: uuid('network_id').notNull(),
    hostId: uuid('host_id').notNull(),
    id: uuid('id').notNull(),
    rev: integer('rev').notNull(),
    source: cidr('source').notNull(),
    address: inet('address').notNull(),
    localAddress: inet('local_address').notNull(),
    techniques: jsonb('techniques').$type<Record<string, number>>().notNull(),
    ports: jsonb('ports').$type<{ tcp?: [number, number][]; udp?: [number, number][] }>().notNull(),
    portCount: bigCount('port_count').notNull(),
    firstAt: instant('first_at').notNull(),
    lastAt: instant('last_at').notNull(),
    evidence: text('evidence').$type<'handshake' | 'forgeable'>().notNull(),
    successes: bigCount('successes').notNull(),
    trippedAt: instant('tripped_at'),
    /** The `block` of the sighting as it came. */
    block: jsonb('block'),
    /** Revision of the last change worth telling: not a mere count of dropped packets. */
    newsRev: integer('news_rev').notNull(),
    /** Revision that a digest has told; 0 when none has. */
    toldRev: integer('told_rev').notNull().default(0),
  },
  (t) => [
    primaryKey({ columns: [t.networkId, t.hostId, t.id] }),
    foreignKey({ columns: [t.networkId, t.hostId], foreignColumns: [host.networkId, host.id] }).onDelete(
      'cascade',
    ),
    index('sighting_by_source').on(t.networkId, t.source),
    index('sighting_untold').on(t.networkId).where(sql`told_rev < news_rev`),
    check('sighting_evidence', sql`evidence in ('handshake', 'forgeable')`),
    check('sighting_revs', sql`news_rev between 1 and rev and told_rev between 0 and rev`),
  ],
);

/** What a network knows of a source. */
export const source = pgTable(
  'source',
  {
    networkId: uuid('network_id')
      .notNull()
      .references(() => network.id, { onDelete: 'cascade' }),
    source: cidr('source').notNull(),
    firstAt: instant('first_at').notNull(),
    lastAt: instant('last_at').notNull(),
    /** How often the network has blocked it. */
    blocks: integer('blocks').notNull().default(0),
  },
  (t) => [primaryKey({ columns: [t.networkId, t.source] })],
);

/** What one host contributes to what a network knows of a source. */
export const sourceHost = pgTable(
  'source_host',
  {
    networkId: uuid('network_id').notNull(),
    source: cidr('source').notNull(),
    hostId: uuid('host_id').notNull(),
    firstAt: instant('first_at').notNull(),
    lastAt: instant('last_at').notNull(),
    trippedAt: instant('tripped_at'),
    /** Last time the host saw it complete a TCP handshake; a time, so that late batches change nothing out of order. */
    handshakeAt: instant('handshake_at'),
    /** When the host took its word back (unblock event): evidence up to then no longer counts. */
    clearedAt: instant('cleared_at'),
  },
  (t) => [
    primaryKey({ columns: [t.networkId, t.source, t.hostId] }),
    foreignKey({
      columns: [t.networkId, t.source],
      foreignColumns: [source.networkId, source.source],
    }).onDelete('cascade'),
    foreignKey({ columns: [t.networkId, t.hostId], foreignColumns: [host.networkId, host.id] }).onDelete(
      'cascade',
    ),
  ],
);
