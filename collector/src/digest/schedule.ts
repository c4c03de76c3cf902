const HOUR_MS = 3_600_000;

/** A timer may fire this much before the full hour it was set for, ms. */
const EARLY_MS = 5_000;

/** A run is for the hour itself when it begins within this time after it, ms; later it makes up for a missed one. */
const ON_TIME_MS = 60_000;

/** Longest wait between two tries, ms. */
const LONGEST_RETRY_MS = HOUR_MS;

/** The full hour that a run at this time is for, Unix ms. */
export function hourOf(nowMs: number): number {
  return Math.floor((nowMs + EARLY_MS) / HOUR_MS) * HOUR_MS;
}

/** Whether a run at this time is the hour's own. */
export function isOnTime(nowMs: number): boolean {
  return nowMs - hourOf(nowMs) < ON_TIME_MS;
}

/** The key of a digest that a person asks for: never a full hour, so it never takes the place of an hourly one. */
export function momentOf(nowMs: number): number {
  return nowMs % HOUR_MS === 0 ? nowMs + 1 : nowMs;
}

/** How long to wait after a failed try: 1, 2, 4, … minutes, at most an hour. */
export function retryMs(attempt: number): number {
  return Math.min(LONGEST_RETRY_MS, 60_000 * 2 ** (attempt - 1));
}

/** For how long an undelivered mail is tried again, ms. Five days, as mail servers do (RFC 5321 section 4.5.4.1). */
export const GIVE_UP_MS = 5 * 24 * HOUR_MS;
