import { z } from 'zod';
import { unixMsSchema, uuid7Schema } from './ids.ts';
import { portRangesSchema } from './ports.ts';
import { addressSchema, sourceSchema } from './source.ts';
import { techniqueSchema } from './technique.ts';

/** How hard a source is refused: `held` loses new connections only, `dropped` loses everything. */
export const tierSchema = z.enum(['held', 'dropped']);

export type Tier = z.infer<typeof tierSchema>;

/** `handshake`: the source completed a TCP handshake, so its address is its own. `forgeable`: anyone could have sent it. */
export const evidenceSchema = z.enum(['handshake', 'forgeable']);

export type Evidence = z.infer<typeof evidenceSchema>;

const countSchema = z.int().min(0).max(Number.MAX_SAFE_INTEGER);

/** What the host did against the source. */
const blockedSchema = z.object({
  atMs: unixMsSchema,
  untilMs: unixMsSchema,
  tier: tierSchema,
  /** Engine that decided: `kernel`, `connect`, … */
  engine: z.string().max(32),
  /** Firewall backend that holds the block: `nftables`, `log-only`, … */
  backend: z.string().max(32),
  /** Whether the backend really refuses packets; false for `log-only` and in `observe` mode. */
  enforced: z.boolean(),
  /** Packets refused so far. */
  droppedPackets: countSchema,
});

/**
 * What one host saw of one source in a while. Every value is absolute: a higher `rev` of the same `id` replaces a
 * lower one, a late lower one changes nothing. Times are Unix ms of the host's clock.
 */
export const sightingSchema = z.object({
  id: uuid7Schema,
  rev: z.int().min(1).max(2_147_483_647),
  source: sourceSchema,
  /** One address of the source that was really seen; differs from `source` for an IPv6 /64. */
  address: addressSchema,
  /** Probes by technique. */
  techniques: z
    .record(techniqueSchema, countSchema)
    .refine((r) => Object.keys(r).length <= 32, 'at most 32 techniques'),
  /** Ports probed by transport; of `ip` the protocol numbers. */
  ports: z.object({
    tcp: portRangesSchema.optional(),
    udp: portRangesSchema.optional(),
    sctp: portRangesSchema.optional(),
    ip: portRangesSchema.optional(),
  }),
  /** Distinct (local address, transport, port) probed, also those that `ports` had no room for. */
  portCount: countSchema,
  firstAtMs: unixMsSchema,
  lastAtMs: unixMsSchema,
  /** The host's address that was probed last. */
  localAddress: addressSchema,
  evidence: evidenceSchema,
  /** Real service given to the source (connections to listeners). */
  successes: countSchema,
  /** Set once the source's evidence crossed the policy's threshold. */
  trip: z.object({ atMs: unixMsSchema }).optional(),
  block: blockedSchema.optional(),
});

export type Sighting = z.infer<typeof sightingSchema>;
