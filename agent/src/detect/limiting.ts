/**
 * After so long without a trip over the limit, blocking is said to work again, ms. A minute: the time in which the limit
 * comes back whole. The kernel tells a trip over the limit at least once a second as long as there are any.
 */
export const QUIET_MS = 60_000;

/** Follows whether the limit on forgeable evidence keeps sources from being blocked, so that its begin and end are told. */
export interface Limiting {
  /** A trip blocked nobody for the limit; true for the first one, which begins a time of limiting. */
  note(atMs: number): boolean;
  /** Ends the time of limiting once it was quiet long enough; tells from when to when trips were limited, once. */
  ended(nowMs: number): { readonly sinceMs: number; readonly untilMs: number } | undefined;
  /** Since when, Unix ms; undefined while whoever trips is blocked. */
  readonly sinceMs: number | undefined;
}

/** Nothing is limited yet. */
export function createLimiting(quietMs = QUIET_MS): Limiting {
  let span: { sinceMs: number; untilMs: number } | undefined;
  return {
    note(atMs) {
      const isFirst = span === undefined;
      span = { sinceMs: span?.sinceMs ?? atMs, untilMs: Math.max(span?.untilMs ?? atMs, atMs) };
      return isFirst;
    },
    ended(nowMs) {
      if (span === undefined || nowMs - span.untilMs < quietMs) return undefined;
      const over = span;
      span = undefined;
      return over;
    },
    get sinceMs() {
      return span?.sinceMs;
    },
  };
}
