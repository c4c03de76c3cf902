import type { Sighting, Source } from '@picket/protocol';
import type { Probe } from './probe.ts';
import type { Judge } from './rules.ts';
import { toSighting } from './to-sighting.ts';
import type { Track } from './track.ts';
import { createTracker } from './tracker.ts';
import { emptyTrack, HEIRLOOM_REV, type Unseen } from './unseen.ts';

/**
 * Most sightings told at once. A flood of forged sources makes more: the rest is told in the next rounds, as long as
 * its tracks are remembered.
 */
export const MAX_SIGHTINGS_PER_ROUND = 500;

/** What a host has seen and not told yet. A source is told again whenever something changed, under the same id. */
export interface Sightings {
  /** Folds a probe in; true when it was beyond the threshold. */
  observe(source: Source, probe: Probe): boolean;
  /**
   * Notes that a source tripped; true only the first time.
   *
   * @param of `isClient`: it had real connections to this host, which the sighting then tells
   */
  trip(source: Source, atMs: number, of?: { readonly isClient: boolean }): boolean;
  /**
   * Takes up a source that is blocked since it tripped while nobody was looking: nothing of its probes need be known. One
   * that tripped before and was spared is the same to the collector.
   *
   * @returns the name of its sighting, as {@link Sightings.idOf}
   */
  adopt(source: Source, seen: Adopted): string;
  /** Name of what is told of a source. */
  idOf(source: Source): string;
  /** Marks a source as changed for another reason, such as its block. */
  touch(source: Source): void;
  /** Forgets a source, so that its next probe is a first one. */
  forget(source: Source): void;
  /** The changed sightings, those with a trip or all, trips first, at most {@link MAX_SIGHTINGS_PER_ROUND}. */
  drain(which: 'trips' | 'all', blockOf: (source: Source) => Sighting['block'] | undefined): Sighting[];
  /** Forgets sources that were not seen since the given time, but for those to be kept. */
  expire(beforeMs: number, keeps: (source: Source) => boolean): void;
  /** Tracks with more than one contact, the youngest last: the evidence to keep when room is short. */
  strong(): Iterable<Track>;
  /** What is known of a source, and when it tripped. */
  get(source: Source): { track: Track; tripAtMs: number | undefined } | undefined;
  /** The sources seen last, the youngest first. */
  recent(most: number): Track[];
  /** Sources that are remembered. */
  readonly size: number;
  /** Sources forgotten for want of room. */
  readonly forgotten: number;
}

/** What is known of a source that tripped while nobody was looking. */
export interface Adopted extends Unseen {
  /** Name of its sighting, unless it has one already. */
  readonly id: string;
}

interface Telling {
  readonly id: string;
  rev: number;
  tripAtMs?: number;
  isClient?: boolean;
}

/** No sightings yet. `newId` makes UUIDv7s. */
export function createSightings(judge: Judge, newId: () => string): Sightings {
  const tellings = new Map<Source, Telling>();
  const adopted = new Map<Source, Track>();
  /** Changed and not told yet: sources that tripped, and the others. */
  const [trips, others] = [new Set<Source>(), new Set<Source>()];
  const mark = (source: Source): void => {
    const hasTripped = tellings.get(source)?.tripAtMs !== undefined;
    if (hasTripped) others.delete(source);
    (hasTripped ? trips : others).add(source);
  };
  const unmark = (source: Source): void => {
    trips.delete(source);
    others.delete(source);
  };
  const telling = (source: Source): Telling => {
    const known = tellings.get(source);
    if (known !== undefined) return known;
    const made = { id: newId(), rev: HEIRLOOM_REV };
    tellings.set(source, made);
    return made;
  };
  // A forgotten source has nothing left to tell: in a flood the lists must not outgrow the tracks.
  const tracker = createTracker({
    judge,
    onForget(source) {
      tellings.delete(source);
      unmark(source);
    },
  });
  const trackOf = (source: Source) => tracker.get(source) ?? adopted.get(source);
  const drop = (source: Source): void => {
    tracker.forget(source);
    adopted.delete(source);
    tellings.delete(source);
    unmark(source);
  };
  return {
    observe(source, probe) {
      const step = tracker.observe(source, probe);
      adopted.delete(source);
      mark(source);
      return step.isOver;
    },
    trip(source, atMs, of) {
      const told = telling(source);
      if (of?.isClient === true) told.isClient = true;
      if (told.tripAtMs !== undefined) return false;
      told.tripAtMs = atMs;
      mark(source);
      return true;
    },
    adopt(source, { id, ...seen }) {
      const known = tellings.get(source) ?? { id, rev: HEIRLOOM_REV };
      if (trackOf(source) === undefined) adopted.set(source, emptyTrack(source, seen));
      tellings.set(source, { tripAtMs: seen.atMs, ...known });
      mark(source);
      return known.id;
    },
    idOf: (source) => telling(source).id,
    touch(source) {
      if (trackOf(source) !== undefined) mark(source);
    },
    forget: drop,
    drain(which, blockOf) {
      const waiting = which === 'trips' ? [...trips] : [...trips, ...others];
      const round = waiting.slice(0, MAX_SIGHTINGS_PER_ROUND);
      return round.flatMap((source) => {
        unmark(source);
        const track = trackOf(source);
        if (track === undefined) {
          tellings.delete(source);
          return [];
        }
        const told = telling(source);
        told.rev++;
        return toSighting(track, { ...told, block: blockOf(source) });
      });
    },
    expire(beforeMs, keeps) {
      for (const source of tellings.keys()) {
        const track = trackOf(source);
        if (
          !trips.has(source) &&
          !others.has(source) &&
          !keeps(source) &&
          (track === undefined || track.lastAtMs < beforeMs)
        )
          drop(source);
      }
    },
    strong: () => tracker.strong(),
    get(source) {
      const track = trackOf(source);
      return track && { track, tripAtMs: tellings.get(source)?.tripAtMs };
    },
    recent: (most) => tracker.recent(most),
    get size() {
      return tracker.size + adopted.size;
    },
    get forgotten() {
      return tracker.forgotten;
    },
  };
}
