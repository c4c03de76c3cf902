import type { Evidence } from '@picket/protocol';
import { type Bucket, take } from './bucket.ts';

/** What evidence may block whom; the three are argued in policy.ts. */
export interface PermitRules {
  readonly evidence: 'any-but-limited' | 'any' | 'handshake';
  /** Most sources that forgeable evidence blocks in a minute, and at once. */
  readonly new_per_minute: number;
  /** What blocks a source that this host knows as a client. */
  readonly clients: 'handshake' | 'any';
}

/**
 * What a trip leads to: `block`; `client`, no block, since forgeable evidence blocks no client; `limited`, no block, since
 * forgeable evidence may block nobody, or has blocked too many already.
 */
export type Permit = 'block' | 'client' | 'limited';

/** A trip of a source that is not blocked yet. */
export interface Trip {
  readonly evidence: Evidence;
  /** Whether this host knows the source as a client. */
  readonly isClient: boolean;
  readonly atMs: number;
}

/** Time in which {@link PermitRules.new_per_minute} come back, ms. */
const MINUTE_MS = 60_000;

/**
 * Decides which trips block, for engines that leave it to the agent. Anybody can send packets in anybody's name: so they
 * cost no client anything, and others only as many as a real scan would make trip. The chains of nft/tripping.ts decide
 * the same. Proof of an address is never limited, and takes nothing from the bucket.
 */
export function createPermit({ evidence, new_per_minute, clients }: PermitRules): (trip: Trip) => Permit {
  let bucket: Bucket | undefined;
  return (trip) => {
    if (trip.evidence === 'handshake') return 'block';
    if (trip.isClient && clients === 'handshake') return 'client';
    if (evidence !== 'any-but-limited') return evidence === 'any' ? 'block' : 'limited';
    const taken = take(bucket, trip.atMs, { ports: new_per_minute + 1, window: MINUTE_MS });
    bucket = taken.bucket;
    return taken.isOver ? 'limited' : 'block';
  };
}
