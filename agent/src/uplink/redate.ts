import {
  type Act,
  type BatchEvents,
  EVENT,
  MAX_BATCH_AGE_MS,
  type Sighting,
  sightingSchema,
  type Unblock,
  uuid7TimeMs,
} from '@picket/protocol';
import type { Content } from './batches.ts';
import { type Clock, NOISE_MS } from './clock.ts';
import { type Speaker, seal, unseal } from './seal.ts';
import type { Batch } from './spool/record.ts';

/** The content with the times of what was seen and lifted moved; those of a status are the host's on purpose. */
export function shifted({ events, hasTrip }: Content, byMs: number): Content {
  if (byMs === 0) return { events, hasTrip };
  const [seen, lifted, ordered] = [events[EVENT.sightings], events[EVENT.unblock], events[EVENT.acts]];
  const moved: BatchEvents = {
    ...events,
    ...(seen && {
      [EVENT.sightings]: { sightings: seen.sightings.map((each) => shiftSighting(each, byMs)) },
    }),
    ...(lifted && { [EVENT.unblock]: { unblocks: lifted.unblocks.map((each) => shiftUnblock(each, byMs)) } }),
    ...(ordered && { [EVENT.acts]: { acts: ordered.acts.map((each) => shiftAct(each, byMs)) } }),
  };
  return { events: moved, hasTrip };
}

function shiftSighting(sighting: Sighting, byMs: number): Sighting {
  const { firstAtMs, lastAtMs, trip, block } = sighting;
  return {
    ...sighting,
    firstAtMs: shiftMs(firstAtMs, byMs),
    lastAtMs: shiftMs(lastAtMs, byMs),
    ...(trip && { trip: { ...trip, atMs: shiftMs(trip.atMs, byMs) } }),
    ...(block && {
      block: { ...block, atMs: shiftMs(block.atMs, byMs), untilMs: shiftMs(block.untilMs, byMs) },
    }),
  };
}

const shiftUnblock = (unblock: Unblock, byMs: number): Unblock => ({
  ...unblock,
  atMs: shiftMs(unblock.atMs, byMs),
});

const shiftAct = (act: Act, byMs: number): Act => ({
  ...act,
  atMs: shiftMs(act.atMs, byMs),
  ...(act.untilMs !== undefined && { untilMs: shiftMs(act.untilMs, byMs) }),
});

/** Stays within what the wire holds. */
const shiftMs = (atMs: number, byMs: number): number =>
  Math.min(Math.max(0, Math.round(atMs + byMs)), sightingSchema.shape.firstAtMs.maxValue ?? atMs);

/**
 * The batch sealed again with right times, when it was sealed in doubt and the collector's time is known now; else
 * undefined. It is dated when it was first sealed.
 */
export async function redated(batch: Batch, speaker: Speaker): Promise<Batch | undefined> {
  const { clock } = speaker;
  if (batch.originMs === undefined || !clock.isLearned()) return undefined;
  return redatedBy(Math.round(clock.originMs() - batch.originMs), batch, speaker);
}

/**
 * The same for a batch that was refused and of which no more is known than its date, as of one from an earlier run: if
 * that cannot be, the host's clock was wrong then by what it is now, or by less.
 */
export async function redatedByGuess(batch: Batch, speaker: Speaker): Promise<Batch | undefined> {
  const byMs = guessMs(uuid7TimeMs(batch.jti), speaker.clock);
  return byMs === undefined ? undefined : redatedBy(byMs, batch, speaker);
}

async function redatedBy(byMs: number, batch: Batch, speaker: Speaker): Promise<Batch | undefined> {
  if (Math.abs(byMs) <= NOISE_MS) return undefined;
  const content = shifted({ events: unseal(batch.jws), hasTrip: batch.hasTrip }, byMs);
  return seal(content, speaker, uuid7TimeMs(batch.jti) + byMs);
}

function guessMs(sealedMs: number, clock: Clock): number | undefined {
  const nowMs = Math.floor(clock.nowMs());
  const oldestMs = nowMs - MAX_BATCH_AGE_MS;
  if (!clock.isLearned() || (sealedMs >= oldestMs && sealedMs <= nowMs)) return undefined;
  const byMs = Math.min(clock.offsetMs(), nowMs - sealedMs);
  return sealedMs + byMs >= oldestMs ? byMs : undefined;
}
