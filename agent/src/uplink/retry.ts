/** First wait after a fault, ms. */
const FIRST_MS = 500;

/** Longest wait that the agent chooses itself, ms: so soon after a collector's return all hosts are there again. */
const LONGEST_MS = 60_000;

/** Most that is added to a wait that a server asks for, as a part of it: all hosts that were told the same would come at once. */
const ASKED_SPREAD = 0.2;

/** Longest wait that a server may ask for, ms (10 minutes): a slip in a proxy's configuration must not silence a host. */
const LONGEST_ASKED_MS = 600_000;

/**
 * Wait before the next try, ms: doubles with each failure up to a minute, half of it random, so that hosts that lost
 * the collector together do not come back together.
 *
 * @param failures in a row, from 1
 */
export function backOffMs(failures: number, random: () => number = Math.random): number {
  const fullMs = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 20));
  return Math.round(fullMs / 2 + (random() * fullMs) / 2);
}

/**
 * Wait that a `Retry-After` header asks for (RFC 9110 section 10.2.3: seconds, or an HTTP date), ms, and up to a fifth
 * more; undefined when there is none that can be read.
 *
 * @param nowMs the server's time as well as it is known
 */
export function retryAfterMs(
  header: string | undefined,
  nowMs: number,
  random: () => number = Math.random,
): number | undefined {
  const text = header?.trim() ?? '';
  const askedMs = /^\d+$/.test(text) ? Number(text) * 1000 : httpDateMs(text) - nowMs;
  if (Number.isNaN(askedMs)) return undefined;
  return Math.min(Math.round(Math.max(askedMs, 0) * (1 + ASKED_SPREAD * random())), LONGEST_ASKED_MS);
}

/** HTTP dates begin with a day's name (RFC 9110 section 5.6.7); `Date.parse` alone would read nearly anything. */
function httpDateMs(text: string): number {
  return /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(text) ? Date.parse(text) : Number.NaN;
}
