/** So long without a source over the limit, and forgeable evidence blocks again, ms: the limit's own unit is a minute. */
const RECOVERED_MS = 60_000;

/** Notices when forgeable evidence blocks too many new sources to be believed, and when that is over. */
export interface LimitNotice {
  readonly isLimiting: boolean;
  /** A source crossed the threshold over the limit. */
  note(): void;
  /** Called now and then: tells when it is over. */
  check(): void;
}

/**
 * @param tell called with true at the first source over the limit, and with false a minute after the last
 * @param nowMs any clock that only goes forward
 */
export function createLimitNotice(tell: (isLimiting: boolean) => void, nowMs: () => number): LimitNotice {
  let lastMs: number | undefined;
  return {
    get isLimiting() {
      return lastMs !== undefined;
    },
    note() {
      const isNews = lastMs === undefined;
      lastMs = nowMs();
      if (isNews) tell(true);
    },
    check() {
      if (lastMs === undefined || nowMs() - lastMs < RECOVERED_MS) return;
      lastMs = undefined;
      tell(false);
    },
  };
}
