import { sql } from 'drizzle-orm';
import {
  boolean,
  check,
  cidr,
  foreignKey,
  index,
  inet,
  integer,
  pgTable,
  primaryKey,
  text,
  uuid,
} from 'drizzle-orm/pg-core';
import { bigCount, bytea, instant } from './columns.ts';
import { host } from './hosts.ts';

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
    /** The compact JWS, packed; unpacking gives back every byte of it. */
    packed: bytea('packed').notNull(),
  },
  (t) => [primaryKey({ columns: [t.networkId, t.hostId, t.jti] })],
);

/**
 * What a host saw of a source in a while, its newest revision. Partitioned by range of `id`, a UUIDv7, so by the day on
 * which the host began it; ids of days without a partition go into a default one. It is by far the largest table, so
 * wide columns stand first (no padding), a host is its number, what is often absent is null, and there is one index for
 * all: by source, as the collector reads. No foreign key: a look-up for each row would cost more than the row, hosts are
 * never deleted, and retention drops whole days.
 */
export const sighting = pgTable(
  'sighting',
  {
    firstAt: instant('first_at').notNull(),
    lastAt: instant('last_at').notNull(),
    trippedAt: instant('tripped_at'),
    /** The block of the host: begin, end, packets refused so far. */
    blockAt: instant('block_at'),
    blockUntil: instant('block_until'),
    blockDropped: bigCount('block_dropped'),
    /** `no` of the host. */
    hostNo: integer('host_no').notNull(),
    rev: integer('rev').notNull(),
    /** Revision of the last change worth telling: not a mere count of dropped packets. */
    newsRev: integer('news_rev').notNull(),
    /** Revision that a digest has told; 0 when none has. */
    toldRev: integer('told_rev').notNull().default(0),
    /** At most 2^31 - 1, whatever the host says; so are successes. */
    portCount: integer('port_count').notNull(),
    successes: integer('successes').notNull(),
    networkId: uuid('network_id').notNull(),
    id: uuid('id').notNull(),
    /** Evidence is `handshake`, else forgeable. */
    isProven: boolean('is_proven').notNull(),
    /** Its evidence stands in `source_host`, since its times or its id are not of today. */
    isAside: boolean('is_aside').notNull().default(false),
    source: cidr('source').notNull(),
    address: inet('address').notNull(),
    localAddress: inet('local_address').notNull(),
    /** `syn=3 udp=1`, by name. */
    techniques: text('techniques').notNull(),
    /** `tcp:21,23-25 udp:53`. */
    ports: text('ports').notNull(),
    /** Who blocks and how: `held kernel nftables`, with ` enforced` at the end when packets are really refused. */
    blockHow: text('block_how'),
  },
  (t) => [
    primaryKey({ columns: [t.networkId, t.source, t.hostNo, t.id] }),
    index('sighting_untold').on(t.networkId).where(sql`told_rev < news_rev`),
    check('sighting_revs', sql`news_rev between 1 and rev and told_rev between 0 and rev`),
  ],
);

/**
 * What one host says of a source beyond what its sightings of the last days tell: evidence of sightings that are older
 * or that a wrong clock dated, and when it took its word back. Most sources have no row here.
 */
export const sourceHost = pgTable(
  'source_host',
  {
    networkId: uuid('network_id').notNull(),
    source: cidr('source').notNull(),
    hostId: uuid('host_id').notNull(),
    firstAt: instant('first_at'),
    lastAt: instant('last_at'),
    trippedAt: instant('tripped_at'),
    /** Last time the host saw it complete a TCP handshake; a time, so that late batches change nothing out of order. */
    handshakeAt: instant('handshake_at'),
    /** Last time the host saw it while it was a client there. */
    clientAt: instant('client_at'),
    /** When the host took its word back (unblock event): evidence up to then no longer counts. */
    clearedAt: instant('cleared_at'),
  },
  (t) => [
    primaryKey({ columns: [t.networkId, t.source, t.hostId] }),
    foreignKey({ columns: [t.networkId, t.hostId], foreignColumns: [host.networkId, host.id] }).onDelete(
      'cascade',
    ),
  ],
);
