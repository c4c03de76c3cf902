/** The open port that shows whether a source is refused; PortSentry, which watches to 1023, does not look at it. */
export const STREAM_PORT = 8443;

/** The unused ports that are asked for: as many as trip, the last of them is the trip. */
const FIRST_PROBE_PORT = 301;

/** How the trips of one who watches are laid out in time. */
export type Layout = {
  trips: number;
  /** Distinct unused ports that trip a source. */
  probes: number;
  /** How long a source's packets go on after its trip, ms: longer than any block takes. */
  windowMs: number;
  /** Longest pause between two trips, ms. It is random, so that no trip keeps time with somebody's own rhythm. */
  gapMs: number;
  /** Number of the first source, where others tripped before. */
  first?: number;
};

/** One SYN to be sent. */
export type Send = { atUs: number; from: string; fromPort: number; toPort: number };

/** Time between two probes of a source, and before them to the first packet of its stream, µs. */
const PROBE_EVERY_US = 2_000;

/**
 * Steps of the stream after a trip: until which time, at which interval, ms. Dense where a fast block is to be told to a
 * tenth of a millisecond, thinner where a per cent or two is less than that.
 */
const STEPS = [
  { untilMs: 20, everyMs: 0.1 },
  { untilMs: 100, everyMs: 0.5 },
  { untilMs: Number.POSITIVE_INFINITY, everyMs: 5 },
] as const;

/** Source of a trip: one of the 131,072 addresses of the benchmarking network, 198.18.0.0/15 (RFC 2544). */
export function sourceOf(index: number): string {
  const n = index + 1;
  return `198.${18 + ((n >> 16) & 1)}.${(n >> 8) & 255}.${n & 255}`;
}

/** Times of a source's packets after its trip, ms. The first comes at once. */
export function streamTimes(windowMs: number): number[] {
  const times: number[] = [];
  let atMs = 0;
  for (const { untilMs, everyMs } of STEPS)
    for (; atMs < Math.min(untilMs, windowMs) - everyMs / 2; atMs += everyMs) times.push(atMs);
  return times;
}

/**
 * All packets of some trips, one trip after the other: a packet to the open port, which shows that the source is not
 * refused yet, the probes, and the stream.
 *
 * @param random from 0 to 1, for the pauses
 */
export function planTrips(
  { trips, probes, windowMs, gapMs, first = 0 }: Layout,
  random: () => number,
): Send[] {
  const stream = streamTimes(windowMs);
  let beginUs = 0;
  return Array.from({ length: trips }, (_, i) => {
    const from = sourceOf(first + i);
    const tripUs = beginUs + probes * PROBE_EVERY_US;
    const asks = Array.from({ length: probes }, (_, n) => ({
      ...{ atUs: beginUs + (n + 1) * PROBE_EVERY_US, from, fromPort: 10_000 + n },
      toPort: FIRST_PROBE_PORT + n,
    }));
    // A port of its own each: to conntrack a second SYN of one port belongs to the connection of the first.
    const open = [beginUs, ...stream.map((ms) => tripUs + Math.round(ms * 1_000))].map((atUs, n) => ({
      ...{ atUs, from, fromPort: 20_000 + n, toPort: STREAM_PORT },
    }));
    beginUs = tripUs + (windowMs + random() * gapMs) * 1_000;
    return [...open.slice(0, 1), ...asks, ...open.slice(1)];
  }).flat();
}
