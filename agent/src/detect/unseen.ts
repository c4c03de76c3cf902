import type { Address, Sighting, Source } from '@picket/protocol';
import { toSighting } from './to-sighting.ts';
import type { Track } from './track.ts';

/** Of a source that tripped while nobody was looking: all that is known. */
export interface Unseen {
  readonly atMs: number;
  readonly address: Address;
  readonly localAddress: Address;
}

/**
 * Revision of a word that says least of all about a trip: that it was, and who was blocked. What an agent tells of what it
 * saw begins above, so that whichever comes first to the collector, the fuller one stays.
 */
export const HEIRLOOM_REV = 1;

/** A track without contacts. */
export function emptyTrack(source: Source, { atMs, address, localAddress }: Unseen): Track {
  const nothing = { techniques: new Map(), contacts: new Map(), portCount: 0, buckets: {} };
  const times = { firstAtMs: atMs, lastAtMs: atMs };
  return { source, address, localAddress, ...times, ...nothing, evidence: 'forgeable', wasClient: false };
}

/** A trip that an agent which was killed may have told, with more than is known now: told again under the same id. */
export function heirloom(
  source: Source,
  seen: Unseen,
  { id, block }: Required<Pick<Sighting, 'id' | 'block'>>,
): Sighting {
  return toSighting(emptyTrack(source, seen), { id, rev: HEIRLOOM_REV, tripAtMs: seen.atMs, block });
}
