/**
 * The collector's time as well as the host knows it. What crosses the wire is in it; the host's own clock may be
 * wrong, as after a start without a battery-backed clock.
 */
export interface Clock {
  /** The collector's time, Unix ms. */
  nowMs(): number;
  /** For the `iat` of a request token: like `nowMs`, or by an unsigned hint after such a token was refused. */
  requestNowMs(): number;
  /** A time of the collector in the host's clock, Unix ms. */
  toHostMs(collectorMs: number): number;
  /** Learns from `iat` (seconds) of a reply that the collector signed just now. */
  learn(iatSeconds: number): void;
  /**
   * Takes the `Date` header of a refusal as a hint. It is not signed, so it serves for request tokens alone: without
   * it a host whose clock was set after it had learned an offset could never ask again.
   */
  hint(dateHeader: string | undefined): void;
  /**
   * Whether the collector's time is known for sure: it was told since the start, and the host's clock was not set
   * and the machine did not sleep since then.
   */
  isLearned(): boolean;
  /** Collector's clock minus host's clock, ms. */
  offsetMs(): number;
  /** When the monotonic clock was zero, in `nowMs`, Unix ms: it moves when either clock was set or learned anew. */
  originMs(): number;
}

/** Offsets that change by less are noise: `iat` has whole seconds and the reply took its time, ms. */
export const NOISE_MS = 2_000;

/**
 * A clock that trusts the host's until it learns better.
 *
 * @param hostNowMs the host's wall clock, Unix ms
 * @param monotonicMs a clock that nobody sets, ms
 */
export function createClock(
  hostNowMs: () => number = Date.now,
  monotonicMs: () => number = () => performance.now(),
): Clock {
  let offsetMs = 0;
  let hintedMs: number | undefined;
  /** Wall clock minus monotonic clock when the collector last told its time, ms: changes when the clock is set. */
  let learnedAtMs: number | undefined;
  /** Offset by a reply that came later than what is known allows, ms. */
  let lateMs: number | undefined;
  const isLearned = (): boolean =>
    learnedAtMs !== undefined && Math.abs(hostNowMs() - monotonicMs() - learnedAtMs) <= NOISE_MS;
  return {
    nowMs: () => hostNowMs() + offsetMs,
    requestNowMs: () => hostNowMs() + (hintedMs ?? offsetMs),
    toHostMs: (collectorMs) => Math.round(collectorMs - offsetMs),
    learn(iatSeconds) {
      const iatMs = iatSeconds * 1000 + (Number.isInteger(iatSeconds) ? 500 : 0);
      const measuredMs = Math.round(iatMs - hostNowMs());
      hintedMs = undefined;
      // A reply may be under way for seconds, as over a line that was cut, and never comes early. So of a clock that
      // nobody set one late reply proves nothing, and of two the earlier one tells the most that it can be ahead.
      const isLate = isLearned() && measuredMs < offsetMs - NOISE_MS;
      const [firstMs, newMs] = [lateMs, isLate ? Math.max(measuredMs, lateMs ?? measuredMs) : measuredMs];
      lateMs = isLate && firstMs === undefined ? measuredMs : undefined;
      if (lateMs !== undefined) return;
      if (Math.abs(newMs - offsetMs) > NOISE_MS) offsetMs = Math.abs(newMs) > NOISE_MS ? newMs : 0;
      learnedAtMs = hostNowMs() - monotonicMs();
    },
    hint(dateHeader) {
      const measuredMs = Date.parse(dateHeader ?? '') - hostNowMs();
      if (Math.abs(measuredMs - offsetMs) > NOISE_MS) hintedMs = measuredMs;
    },
    isLearned,
    offsetMs: () => offsetMs,
    originMs: () => hostNowMs() + offsetMs - monotonicMs(),
  };
}
