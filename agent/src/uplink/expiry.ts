import type { Clock } from './clock.ts';

/** Time from the start to the first look, ms: by then the collector has told its time, if it is there. */
const FIRST_MS = 60_000;

/** How often too old batches are looked for, ms. */
const EVERY_MS = 3_600_000;

/**
 * How long the host's own clock is not believed without the collector's word, ms: within a day of its start NTP has set
 * it, or nobody will.
 */
const UNKNOWN_MS = 24 * 3_600_000;

/** What an expiry works with. */
export interface ExpiryOptions {
  readonly spool: { expire(beforeMs: number): void };
  readonly clock: Pick<Clock, 'isLearned' | 'nowMs'>;
  /** How old a batch may become, ms. */
  readonly ageMs: number;
}

/**
 * Gives up batches that have waited too long, whether the collector is there or not. A clock that runs behind gives up
 * nothing too early.
 *
 * @returns ends it
 */
export function startExpiry({ spool, clock, ageMs }: ExpiryOptions): () => void {
  let [timer, unknownSinceMs]: [NodeJS.Timeout | undefined, number | undefined] = [undefined, undefined];
  const look = (): void => {
    unknownSinceMs = clock.isLearned() ? undefined : (unknownSinceMs ?? performance.now());
    const isKnown = unknownSinceMs === undefined || performance.now() - unknownSinceMs >= UNKNOWN_MS;
    if (isKnown) spool.expire(clock.nowMs() - ageMs);
    timer = setTimeout(look, EVERY_MS).unref();
  };
  timer = setTimeout(look, FIRST_MS).unref();
  return () => clearTimeout(timer);
}
