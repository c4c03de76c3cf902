import { leastUuid7 } from '@picket/db';
import { type Sighting, uuid7TimeMs } from '@picket/protocol';
import { CLIENT_MS } from '../correlate/decide.ts';

/*
 * Evidence is read from the sightings themselves, by source, in the partitions of the last days: nothing older than a day
 * counts (CLIENT_MS, the longest that decide.ts remembers). A sighting lives on as long as its source comes back, under an
 * id that is as old as its beginning; what it says is then kept aside, in `source_host`. So is what a wrong clock dated.
 *
 * A sighting that is not aside was received while its id was at most a day old. Read two days later, what it said last is
 * older than a day: reading ids of two days misses nothing.
 */

const RECENT_MS = CLIENT_MS;
const READ_MS = 2 * CLIENT_MS;

/** How far a host's clock may be ahead, ms, before its times are cut to the collector's. */
const AHEAD_MS = 60_000;

/** Whether the evidence of a sighting is kept in `source_host`. */
export function isAside({ id, lastAtMs, firstAtMs, trip }: Sighting, nowMs: number): boolean {
  const beganMs = uuid7TimeMs(id);
  const latestMs = Math.max(firstAtMs, lastAtMs, trip?.atMs ?? 0);
  return beganMs < nowMs - RECENT_MS || beganMs > nowMs + RECENT_MS || latestMs > nowMs + AHEAD_MS;
}

/** Ids of the sightings in which evidence is looked for: from the first to before the second. */
export function evidenceIds(nowMs: number): [from: string, to: string] {
  return [leastUuid7(nowMs - READ_MS), leastUuid7(nowMs + READ_MS)];
}
