import type { Address, Source, Technique } from '@picket/protocol';
import { isWeak, type Probe } from '../detect/probe.ts';
import type { Judge } from '../detect/rules.ts';
import type { Judgement, Step, Track } from '../detect/track.ts';
import { createTracker } from '../detect/tracker.ts';

/** Which rule of the threshold a source broke. */
export type Rule = 'ports' | 'client' | 'weak' | 'tripwire';

/** A source that would have been blocked. */
export interface Trip {
  readonly source: Source;
  /** Time of the probe that was beyond the threshold, Unix ms. */
  readonly atMs: number;
  /** When the block would have ended. */
  readonly untilMs: number;
  readonly firstAtMs: number;
  readonly address: Address;
  readonly rule: Rule;
  readonly techniques: readonly Technique[];
  /** What was tried until then. */
  readonly contacts: readonly Contact[];
  /** Probes that came while the source would have been blocked. */
  after: number;
}

/** One thing that a source tried. */
export interface Contact {
  readonly transport: string;
  /** With transport `ip` the protocol number. */
  readonly port: number;
  readonly localAddress: Address;
  readonly isWeak: boolean;
}

/** Most trips told; a capture of a flood makes more, which are only counted. */
export const MOST_TRIPS = 10_000;

/** Most sources told apart when they are counted. */
const MOST_SOURCES = 200_000;

/** The blocks that probes would have led to. */
export interface Trips {
  observe(source: Source, probe: Probe): void;
  readonly told: readonly Trip[];
  /** Trips in all. */
  readonly count: number;
  /** Sources of probes; at least so many when `isMore`. */
  sources(): { count: number; isMore: boolean };
  /** Sources forgotten for want of room. */
  readonly forgotten: number;
}

/** None yet. Who comes again after its block is a new source, as for the agent. */
export function createTrips(judge: Judge, blockMs: number): Trips {
  const tracker = createTracker({ judge });
  const blocked = new Map<Source, Trip>();
  const seen = new Set<Source>();
  const told: Trip[] = [];
  let [count, isMore] = [0, false];

  const isBlocked = (source: Source, atMs: number): boolean => {
    const trip = blocked.get(source);
    if (trip === undefined) return false;
    if (atMs < trip.untilMs) {
      trip.after++;
      return true;
    }
    blocked.delete(source);
    tracker.forget(source);
    return false;
  };

  return {
    observe(source, probe) {
      if (seen.size < MOST_SOURCES) seen.add(source);
      else isMore ||= !seen.has(source);
      if (isBlocked(source, probe.atMs)) return;
      const step = tracker.observe(source, probe);
      if (!step.isOver) return;
      const trip = toTrip(step, probe, { judgement: judge(source, probe), blockMs });
      count++;
      if (told.length < MOST_TRIPS) told.push(trip);
      if (blocked.size < MOST_SOURCES) blocked.set(source, trip);
    },
    told,
    get count() {
      return count;
    },
    sources: () => ({ count: seen.size, isMore }),
    get forgotten() {
      return tracker.forgotten;
    },
  };
}

function toTrip(
  { track }: Step,
  probe: Probe,
  { judgement, blockMs }: { readonly judgement: Judgement; readonly blockMs: number },
): Trip {
  return {
    source: track.source,
    atMs: probe.atMs,
    untilMs: probe.atMs + blockMs,
    firstAtMs: track.firstAtMs,
    address: track.address,
    rule: ruleOf(track, probe, judgement),
    techniques: [...track.techniques.keys()],
    contacts: [...track.contacts.keys()].map(toContact),
    after: 0,
  };
}

/** Weak evidence is weighed as such only while its source gave no other. */
function ruleOf(track: Track, { technique }: Probe, { isClient, isTripwire }: Judgement): Rule {
  if (isTripwire) return 'tripwire';
  if (isWeak(technique) && track.buckets.suspectAtMs === undefined) return 'weak';
  return isClient ? 'client' : 'ports';
}

function toContact(key: string): Contact {
  const [transport = '', port, localAddress = '', weak] = key.split('/');
  return { transport, port: Number(port), localAddress, isWeak: weak !== undefined };
}
