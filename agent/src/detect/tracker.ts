import type { Source } from '@picket/protocol';
import type { Probe } from './probe.ts';
import type { Judge } from './rules.ts';
import { observe, type Step, type Track } from './track.ts';

/**
 * Most sources tracked at once. A track of a scanner that the kernel stops after four ports takes about 2 kB, so this
 * is some 40 MB in the worst ordinary case.
 */
export const MAX_TRACKS = 20_000;

/** The tracks of all sources, bounded: the source seen longest ago is forgotten first, and counted. */
export interface Tracker {
  observe(source: Source, probe: Probe): Step;
  get(source: Source): Track | undefined;
  forget(source: Source): void;
  /** Sources forgotten for want of room. */
  readonly forgotten: number;
}

/** An empty tracker. */
export function createTracker(judge: Judge, most = MAX_TRACKS): Tracker {
  /** In the order of the last probe: a map keeps the order of insertion. */
  const tracks = new Map<Source, Track>();
  let forgotten = 0;
  return {
    observe(source, probe) {
      const step = observe(tracks.get(source), source, probe, judge(source, probe));
      tracks.delete(source);
      tracks.set(source, step.track);
      const oldest = tracks.keys().next().value;
      if (tracks.size > most && oldest !== undefined) {
        tracks.delete(oldest);
        forgotten++;
      }
      return step;
    },
    get: (source) => tracks.get(source),
    forget: (source) => void tracks.delete(source),
    get forgotten() {
      return forgotten;
    },
  };
}
