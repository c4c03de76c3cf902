import { z } from 'zod';
import { numericDateSchema, unixMsSchema, uuid7Schema } from './ids.ts';
import { MAX_SIGHTINGS_PER_BATCH } from './limits.ts';
import { sightingSchema } from './sighting.ts';
import { addressSchema, sourceSchema } from './source.ts';

/** Media type of an event token (RFC 8417 section 7.2). */
export const EVENT_MEDIA_TYPE = 'application/secevent+jwt';

/** `typ` header of an event token (RFC 8417 section 2.3). */
export const EVENT_TYP = 'secevent+jwt';

/** Event kinds (keys of the `events` claim) this version knows. Any other URI is stored as it came and counted. */
export const EVENT = {
  sightings: 'urn:picket:event:sightings',
  status: 'urn:picket:event:status',
  unblock: 'urn:picket:event:unblock',
  acts: 'urn:picket:event:acts',
} as const;

/** Sightings of one batch. */
export const sightingsEventSchema = z.object({
  sightings: z.array(sightingSchema).max(MAX_SIGHTINGS_PER_BATCH),
});

const countSchema = z.int().min(0).max(Number.MAX_SAFE_INTEGER);

/**
 * Whether a host carries its decisions out: `observe`, its policy or its network only wants to be told; `paused`, a person
 * on the host has stopped it for a while.
 */
export const modeSchema = z.enum(['enforce', 'observe', 'paused']);

export type Mode = z.infer<typeof modeSchema>;

/** A host's heartbeat. */
export const statusEventSchema = z.object({
  agentVersion: z.string().max(64),
  engine: z.string().max(32),
  firewall: z.string().max(32),
  /** Absent from hosts that know no other than to enforce. */
  mode: modeSchema.optional(),
  /** When the agent started, Unix ms of the host's clock. */
  startedAtMs: unixMsSchema,
  /** The host's clock when the status was made: with the time of receipt it shows a wrong clock. */
  nowMs: unixMsSchema,
  /** Addresses of the host: the network never shares a block of one of its own. */
  addresses: z.array(addressSchema).max(256),
  /** Blocks this host decided itself and holds now. */
  localBlocks: countSchema,
  /** There while forgeable evidence blocks nobody new on this host, since it blocked too many sources in a minute. */
  limiting: z.boolean().optional(),
  /** Probes the host knows it did not see (kernel or capture drops). */
  probesLost: countSchema,
  /** Batches in the spool, and batches that were given up, ever. */
  spooled: countSchema,
  spoolLost: countSchema,
  /** There while the host's disk takes no events: they are in its memory alone. */
  spoolFailing: z.boolean().optional(),
  /** Batches since the start of the agent that the collector will never take; they lie on the host. */
  rejected: countSchema.optional(),
  /** The collector's clock minus the host's, ms, as the host learned it; absent while it does not know. */
  clockOffsetMs: z.int().optional(),
  /** The shared list as this host has it in force. */
  blockList: z.object({
    version: countSchema,
    entries: countSchema,
    /** Entries the host refused, by reason. */
    refused: z.record(z.string().max(64), countSchema),
    /** Whole lists that the host did not believe since the start of the agent, by reason; absent when there was none. */
    refusedLists: z.record(z.string().max(64), countSchema).optional(),
  }),
});

export type StatusEvent = z.infer<typeof statusEventSchema>;

/** Blocks that ended before their time on the host. */
export const unblockEventSchema = z.object({
  unblocks: z
    .array(z.object({ source: sourceSchema, atMs: unixMsSchema, reason: z.string().max(200) }))
    .max(MAX_SIGHTINGS_PER_BATCH),
});

export type Unblock = z.infer<typeof unblockEventSchema>['unblocks'][number];

/** What a person ordered on a host: to block or unblock a source there, to allow a network for a while, to take that back. */
export const actKindSchema = z.enum(['block', 'unblock', 'allow', 'disallow']);

/** One order of a person on a host. Its id tells a repeated one from a second. */
export const actSchema = z.object({
  id: uuid7Schema,
  act: actKindSchema,
  /** An address or a CIDR. */
  source: sourceSchema,
  atMs: unixMsSchema,
  /** When it ends by itself, of `block` and `allow`. */
  untilMs: unixMsSchema.optional(),
  /** The person's name on the host. */
  by: z.string().min(1).max(64),
});

export type Act = z.infer<typeof actSchema>;

/** Orders of people on a host. */
export const actsEventSchema = z.object({ acts: z.array(actSchema).max(MAX_SIGHTINGS_PER_BATCH) });

/** Claims of an event token, with the kinds this version knows parsed and the others as they came. */
export const eventClaimsSchema = z.object({
  iss: z.string().max(128),
  net: uuid7Schema,
  aud: z.string().max(128),
  iat: numericDateSchema,
  jti: uuid7Schema,
  /** The wire version the host speaks; absent in version 1, the first. */
  wireVersion: z.int().min(1).optional(),
  events: z
    .object({
      [EVENT.sightings]: sightingsEventSchema.optional(),
      [EVENT.status]: statusEventSchema.optional(),
      [EVENT.unblock]: unblockEventSchema.optional(),
      [EVENT.acts]: actsEventSchema.optional(),
    })
    .catchall(z.unknown())
    .refine((events) => Object.keys(events).length > 0, 'must hold at least one event'),
});

export type EventClaims = z.infer<typeof eventClaimsSchema>;

/** The `events` claim of a batch. */
export type BatchEvents = EventClaims['events'];
