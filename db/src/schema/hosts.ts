import { sql } from 'drizzle-orm';
import {
  check,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { bigCount, bytea, inetArray, instant } from './columns.ts';

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
    /** Number of the host that enrolled last. */
    lastHostNo: integer('last_host_no').notNull().default(0),
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
    /** Number of the host in its network: its name in tables with very many rows. Never changes, never used again. */
    no: integer('no').notNull(),
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
  (t) => [primaryKey({ columns: [t.networkId, t.id] }), uniqueIndex('host_by_no').on(t.networkId, t.no)],
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
    // Whose a token may be is asked before its signature allows to read of which network it speaks.
    index('host_key_by_thumbprint').on(t.thumbprint),
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
