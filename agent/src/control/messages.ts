import {
  addressSchema,
  evidenceSchema,
  modeSchema,
  portRangesSchema,
  sourceSchema,
  tierSchema,
} from '@picket/protocol';
import { z } from 'zod';
import { hostEventSchema } from '../report/events.ts';

/*
 * What agent and command line say to each other over the control socket, and what `--json` prints. Times are Unix ms of
 * the host's clock.
 */

const count = z.int().min(0);

/** What is carried out. */
const stanceSchema = z.object({
  mode: modeSchema,
  untilMs: z.number().optional(),
  by: z.string().optional(),
});

/** A port on which something listens. */
const listenerSchema = z.object({ transport: z.string(), port: z.int() });

/** A network that a person allows for a while. */
const allowanceSchema = z.object({ network: sourceSchema, untilMs: z.number(), by: z.string() });

/** How the agent is. */
export const statusSchema = z.object({
  version: z.string(),
  pid: z.int(),
  startedAtMs: z.number(),
  nowMs: z.number(),
  engine: z.string(),
  firewall: z.string(),
  /** Whether packets are really refused now. */
  enforces: z.boolean(),
  stance: stanceSchema,
  /** Open ports as the system tells; absent where it cannot. */
  listeners: z.array(listenerSchema).optional(),
  figures: z.object({
    sources: count,
    sourcesForgotten: count,
    probesLost: count,
    localBlocks: count,
    sharedBlocks: count,
    sharedLifted: count,
    packetsDropped: count,
    /** Whether forgeable evidence blocks nobody new now, since it blocked too many. */
    isLimiting: z.boolean(),
    allowances: z.array(allowanceSchema),
  }),
  uplink: z.object({
    isEnrolled: z.boolean(),
    network: z.string().optional(),
    collector: z.string().optional(),
    lastContactMs: z.number().optional(),
    pushFault: z.string().optional(),
    pullFault: z.string().optional(),
    clockOffsetMs: z.number(),
    listVersion: count,
    listEntries: count,
    listRefused: z.record(z.string(), count),
    /** Whole lists that were not believed, by reason. */
    listsRefused: z.record(z.string(), count).optional(),
    /** Batches that the collector will never take, put aside since the start. */
    rejected: count.optional(),
    spool: z.object({ batches: count, bytes: count, lost: count, isDiskFailing: z.boolean() }).optional(),
  }),
});

export type Status = z.infer<typeof statusSchema>;

const blockSchema = z.object({
  atMs: z.number(),
  untilMs: z.number(),
  tier: tierSchema,
  decidedBy: z.string(),
  /** The person who ordered it. */
  by: z.string().optional(),
  /** Packets refused, as of the last look. */
  packets: count,
});

/** What was seen of a source. */
const seenSchema = z.object({
  address: addressSchema,
  localAddress: addressSchema,
  firstAtMs: z.number(),
  lastAtMs: z.number(),
  tripAtMs: z.number().optional(),
  techniques: z.record(z.string(), count),
  ports: z.record(z.string(), portRangesSchema),
  /** Distinct contacts: local address, transport and port. */
  contacts: count,
  evidence: evidenceSchema,
});

/** A source of the live view. */
const recentSchema = z.object({
  source: z.string(),
  seen: seenSchema.optional(),
  block: blockSchema.optional(),
});

export const recentListSchema = z.object({ sources: z.array(recentSchema) });

export type RecentSource = z.infer<typeof recentSchema>;

/** One of the buckets of a source. */
const bucketSchema = z.object({
  kind: z.enum(['ordinary', 'known client', 'weak']),
  /** Distinct unused ports that trip it. */
  ports: count,
  /** How many of those are spent. */
  spent: count,
  /** When one more comes back. */
  nextAtMs: z.number().optional(),
});

export type BucketMessage = z.infer<typeof bucketSchema>;

/** All that is known of a source, and why it is or is not blocked. */
export const explanationSchema = z.object({
  address: addressSchema,
  source: z.string(),
  nowMs: z.number(),
  /** False: no agent runs; only what it left on disk is told. */
  isRunning: z.boolean(),
  stance: stanceSchema,
  enforces: z.boolean(),
  /** Why it is never counted and never blocked. */
  protection: z.string().optional(),
  seen: seenSchema.optional(),
  /** The bucket that its next probe draws from: of weak evidence `weak` unless it gave ordinary evidence too. */
  drawsFrom: bucketSchema.shape.kind.optional(),
  /** Whether weak evidence of it counts as ordinary, since it gave ordinary evidence within the window. */
  isSuspect: z.boolean().optional(),
  buckets: z.array(bucketSchema),
  /** Tripwire ports that it touched, as `tcp/23`. */
  tripwires: z.array(z.string()),
  block: blockSchema.optional(),
  /** What the kernel does about it by itself, also when the agent has not heard of it. */
  hold: z.object({ what: z.enum(['held', 'muted']), untilMs: z.number(), packets: count }).optional(),
  shared: z
    .object({ untilMs: z.number(), tier: tierSchema, reason: z.string(), isLifted: z.boolean() })
    .optional(),
  history: z.array(hostEventSchema),
});

export type Explanation = z.infer<typeof explanationSchema>;

const by = z.string().min(1).max(64);

/** What a person asks for: who it is. */
export const requestSchema = z.strictObject({ by });

/** The same with an end. */
export const pauseRequestSchema = z.strictObject({ by, untilMs: z.number() });

/** A network that a person names: an address or a CIDR. */
export const networkRequestSchema = z.strictObject({ by, network: sourceSchema });

export const allowRequestSchema = z.strictObject({ by, network: sourceSchema, untilMs: z.number() });

export const blockRequestSchema = allowRequestSchema.extend({ tier: tierSchema });

/** `isKept`: whether it would survive a restart. */
export const pausedSchema = z.object({ stance: stanceSchema, wasPaused: z.boolean(), isKept: z.boolean() });

export const liftedSchema = z.object({ local: count, shared: count });

/** `isKept`: whether it would survive a restart. */
export const allowedSchema = liftedSchema.extend({ isKept: z.boolean() });

/** `enforced`: whether packets are really refused now. */
export const blockedSchema = z.object({ block: blockSchema, source: z.string(), enforced: z.boolean() });

export const disallowedSchema = z.object({ wasAllowed: z.boolean() });

/** The host's new key; what it signed with the former one is taken until then. */
export const rotatedSchema = z.object({ thumbprint: z.string(), formerUntilMs: z.number() });

/** A refusal. */
export const refusalSchema = z.object({ error: z.string() });
