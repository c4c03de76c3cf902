import {
  type BatchEvents,
  EVENT,
  EVENT_TYP,
  eventClaimsSchema,
  MAX_BATCH_AGE_MS,
  SPOKEN_WIRE_VERSIONS,
  uuid7TimeMs,
} from '@picket/protocol';
import { cleanText } from './clean.ts';
import { type HostToken, type Verifier, verifyHostToken } from './host-token.ts';
import { ofHost, type Refusal, refuse, refuseSchema } from './refusal.ts';

/** A batch whose signer, addressee and form are right. */
export interface Batch {
  readonly ok: true;
  readonly networkId: string;
  readonly hostId: string;
  /** UUIDv7, the batch's name: the same name from the same host is the same batch. */
  readonly jti: string;
  /** The compact JWS as it came. */
  readonly token: string;
  readonly events: BatchEvents;
  /** Kinds of events in it that this version does not know: they are kept as they came, and nothing follows from them. */
  readonly unknownEvents: number;
}

/**
 * How far ahead of the collector's clock a batch may be dated, ms (one day): wide enough for a host whose clock runs
 * in the wrong time zone, narrow enough that the day's partition of the received batches is already there.
 */
export const MAX_BATCH_AHEAD_MS = 24 * 3_600_000;

const KNOWN: ReadonlySet<string> = new Set(Object.values(EVENT));

/** Verifies a pushed event token (RFC 8417, RFC 8935 section 2). */
export async function verifyEventToken(text: string, verifier: Verifier): Promise<Batch | Refusal> {
  const token = await verifyHostToken(text, EVENT_TYP, verifier);
  return token.ok ? ofHost(readBatch(token, verifier.nowMs)) : token;
}

function readBatch(token: HostToken, nowMs: number): Batch | Refusal {
  // Looked at before the schema: a later version may have changed everything that the schema asks for.
  const wireVersion = token.claims.wireVersion ?? 1;
  if (!SPOKEN_WIRE_VERSIONS.includes(Number(wireVersion))) return refuseWireVersion(wireVersion);
  const claims = eventClaimsSchema.safeParse(token.claims);
  if (!claims.success) return refuseSchema('event token', claims.error);
  const { jti, events } = claims.data;
  const stale = checkAge(jti, nowMs);
  if (stale !== undefined) return stale;
  const { networkId, hostId } = token;
  const unknownEvents = Object.keys(events).filter((kind) => !KNOWN.has(kind)).length;
  return { ok: true, networkId, hostId, jti, token: token.token, events: cleanText(events), unknownEvents };
}

/** The answer to a wire version that is not spoken (RFC 9110 section 15.5.22). */
export function refuseWireVersion(found: unknown): Refusal {
  const spoken = SPOKEN_WIRE_VERSIONS.join(', ');
  return refuse(
    'invalid_request',
    `wire version ${Number(found)} is not spoken here; spoken: ${spoken}`,
    426,
  );
}

/** The date of a batch is the one inside its name, because received batches are kept by it. */
function checkAge(jti: string, nowMs: number): Refusal | undefined {
  const atMs = uuid7TimeMs(jti);
  if (atMs < nowMs - MAX_BATCH_AGE_MS)
    return refuse('invalid_request', `the batch is older than ${MAX_BATCH_AGE_MS / 86_400_000} days`);
  if (atMs > nowMs + MAX_BATCH_AHEAD_MS)
    return refuse('invalid_request', 'the batch is dated in the future: the clock of the host is wrong');
  return undefined;
}
