import type { Source } from '@picket/protocol';
import { createAged } from './aged.ts';
import type { Probe } from './probe.ts';
import type { Judge } from './rules.ts';
import { observe, type Step, type Track } from './track.ts';

/** Most sources tracked at once: with a contact or two each about 1 kB, so some 20 MB. */
export const MAX_TRACKS = 20_000;

/** Most contacts of all tracks together: about 150 bytes each, so some 30 MB, whoever tries how many ports. */
export const MAX_CONTACTS = 200_000;

/** Sources with a single contact keep at least this share of the room, so that new ones are not blind to at once. */
const SINGLE_SHARE = 0.25;

/**
 * The tracks of all sources, bounded. The weakest evidence goes first, and of that the oldest: a flood of forged sources,
 * one packet each, pushes out each other and not the patient scanner who has tried three ports.
 */
export interface Tracker {
  observe(source: Source, probe: Probe): Step;
  get(source: Source): Track | undefined;
  forget(source: Source): void;
  /** Tracks with more than one contact, the youngest last. */
  strong(): Iterable<Track>;
  /** The tracks seen last, the youngest first. */
  recent(most: number): Track[];
  readonly size: number;
  /** Sources forgotten for want of room. */
  readonly forgotten: number;
}

/** What a tracker is made with. */
export interface TrackerOptions {
  readonly judge: Judge;
  readonly most?: number;
  /** Told of each source that is forgotten for want of room. */
  readonly onForget?: (source: Source) => void;
}

/** An empty tracker. */
export function createTracker({ judge, most = MAX_TRACKS, onForget = () => {} }: TrackerOptions): Tracker {
  /** In the order of the last probe. */
  const [single, strong] = [createAged<Track>(), createAged<Track>()];
  let [forgotten, contacts] = [0, 0];
  const get = (source: Source) => single.get(source) ?? strong.get(source);
  const forget = (source: Source): void => {
    contacts -= get(source)?.contacts.size ?? 0;
    if (!single.delete(source)) strong.delete(source);
  };
  const isTooMuch = () => single.size + strong.size > most || contacts > MAX_CONTACTS;
  const makeRoom = (): void => {
    while (isTooMuch()) {
      const weakest = single.size > most * SINGLE_SHARE || strong.size === 0 ? single : strong;
      const oldest = weakest.oldest()?.[0];
      if (oldest === undefined) return;
      forget(oldest);
      forgotten++;
      onForget(oldest);
    }
  };
  return {
    observe(source, probe) {
      const step = observe(get(source), source, probe, judge(source, probe));
      forget(source);
      (step.track.portCount > 1 ? strong : single).set(source, step.track);
      contacts += step.track.contacts.size;
      makeRoom();
      return step;
    },
    get,
    forget,
    strong: strong.values,
    recent(most) {
      const last = [single, strong].flatMap((tracks) => tracks.values().slice(-most));
      return last.sort((a, b) => b.lastAtMs - a.lastAtMs).slice(0, most);
    },
    get size() {
      return single.size + strong.size;
    },
    get forgotten() {
      return forgotten;
    },
  };
}
