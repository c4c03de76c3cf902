import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  cidr,
  customType,
  foreignKey,
  index,
  inet,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uuid,
} from 'drizzle-orm/pg-core';

/*
 * Every primary and foreign key begins with `network_id` and no id comes from a sequence, so that a distributed
 * PostgreSQL can split all tables by network as they are.
 */

const bytea = customType<{ data: Uint8Array }>({ dataType: () => 'bytea' });
const inetArray = customType<{ data: string[] }>({ dataType: () => 'inet[]' });
const instant = (name: string) => timestamp(name, { withTimezone: true, precision: 3, mode: 'date' });
const bigCount = (name: string) => bigint(name, { mode: 'number' });

/** The collector's own signing keys, shared by its replicas; the newest that is not retired signs. */
export const collectorKey = pgTable('collector_key', {
  thumbprint: text('thumbprint').primaryKey(),
  collectorId: uuid('collector_id').notNull(),
  privateJwk: jsonb('private_jwk').notNull(),
  createdAt: instant('created_at').notNull().defaultNow(),
  retiredAt: instant('retired_at'),
});

export const network = pgTable(
  'network',
  {
    id: uuid('id').primaryKey(),
    name: text('name').notNull().unique(),
    recipients: text('recipients').array().notNull(),
    /** IANA time zone in which the mail tells times. */
    zone: text('zone').notNull().default('UTC'),
    /** Version of the block list: moved only by `UPDATE … SET list_version = list_version + 1`, the order of commits. */
    listVersion: bigCount('list_version').notNull().default(0),
    /** Names one unbroken history of versions. */
    listEpoch: uuid('list_epoch').notNull(),
    createdAt: instant('created_at').notNull().defaultNow(),
    /** `observe`: its hosts tell each decision and carry none out. It goes with the block list, so it moves its version. */
    mode: text('mode').$type<'enforce' | 'observe'>().notNull().default('enforce'),
    /** When `observe` ends by itself; null: when a person says so. */
    modeUntil: instant('mode_until'),
  },
  () => [check('network_mode', sql`mode in ('enforce', 'observe')`)],
);

export const host = pgTable(
  'host',
  {
    networkId: uuid('network_id')
      .notNull()
      .references(() => network.id, { onDelete: 'cascade' }),
    id: uuid('id').notNull(),
    name: text('name').notNull(),
    os: text('os').notNull(),
    arch: text('arch').notNull(),
    agentVersion: text('agent_version').notNull(),
    addresses: inetArray('addresses').notNull().default(sql`'{}'`),
    /** The last status event as it came, and when the collector received it. */
    status: jsonb('status'),
    statusAt: instant('status_at'),
    enrolledAt: instant('enrolled_at').notNull().defaultNow(),
    lastSeenAt: instant('last_seen_at'),
    withdrawnAt: instant('withdrawn_at'),
  },
  (t) => [primaryKey({ columns: [t.networkId, t.id] })],
);

/** Keys of hosts by JWK thumbprint (RFC 7638); a host has more than one while it rotates. */
export const hostKey = pgTable(
  'host_key',
  {
    networkId: uuid('network_id').notNull(),
    thumbprint: text('thumbprint').notNull(),
    hostId: uuid('host_id').notNull(),
    publicJwk: jsonb('public_jwk').notNull(),
    validFrom: instant('valid_from').notNull().defaultNow(),
    validUntil: instant('valid_until'),
  },
  (t) => [
    primaryKey({ columns: [t.networkId, t.thumbprint] }),
    foreignKey({ columns: [t.networkId, t.hostId], foreignColumns: [host.networkId, host.id] }).onDelete(
      'cascade',
    ),
  ],
);

/** Join tokens by SHA-256 of their text: the token itself is never stored. */
export const joinToken = pgTable(
  'join_token',
  {
    networkId: uuid('network_id')
      .notNull()
      .references(() => network.id, { onDelete: 'cascade' }),
    tokenHash: bytea('token_hash').notNull(),
    maxUses: integer('max_uses').notNull(),
    uses: integer('uses').notNull().default(0),
    createdAt: instant('created_at').notNull().defaultNow(),
    expiresAt: instant('expires_at').notNull(),
    withdrawnAt: instant('withdrawn_at'),
  },
  (t) => [
    primaryKey({ columns: [t.networkId, t.tokenHash] }),
    check('join_token_uses', sql`uses between 0 and max_uses`),
  ],
);

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
