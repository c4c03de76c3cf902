import { createAged } from '../aged.ts';
import type { Suspicion } from './suspicion.ts';

/** A suspicion that waits for the answer of this host, or for news of its listeners. */
export interface Candidate extends Suspicion {
  /** The {@link tupleKey} of the packet: an answer names it. */
  readonly key: string;
  /** Whether what was served an hour ago forgives nothing: only what is served since the packet does. */
  readonly isStrict: boolean;
}

/** Candidates in order of time. */
export interface Waiting {
  /**
   * Takes a candidate in, unless one with the same key waits already: a repetition says nothing new.
   *
   * @returns the oldest candidate when it had to make room
   */
  add(candidate: Candidate): Candidate | undefined;
  get(key: string): Candidate | undefined;
  drop(key: string): void;
  /** Takes out the oldest candidate when it came at the given time or before. */
  shift(untilMs: number): Candidate | undefined;
  /** Time of the oldest. */
  readonly sinceMs: number | undefined;
  readonly size: number;
}

/** An empty room for so many. */
export function createWaiting(most: number): Waiting {
  const candidates = createAged<Candidate>();
  return {
    add(candidate) {
      if (candidates.get(candidate.key) !== undefined) return undefined;
      candidates.set(candidate.key, candidate);
      const oldest = candidates.size > most ? candidates.oldest() : undefined;
      if (oldest !== undefined) candidates.delete(oldest[0]);
      return oldest?.[1];
    },
    get: (key) => candidates.get(key),
    drop: (key) => candidates.delete(key),
    shift(untilMs) {
      const oldest = candidates.oldest();
      if (oldest === undefined || oldest[1].probe.atMs > untilMs) return undefined;
      candidates.delete(oldest[0]);
      return oldest[1];
    },
    get sinceMs() {
      return candidates.oldest()?.[1].probe.atMs;
    },
    get size() {
      return candidates.size;
    },
  };
}
