/** A block as the kernel's sets have it. */
export type Held = { source: string; untilMs: number };

/** A source that tripped, and between which moments; `toMs` is infinite while it is on its way. */
export type Tripped = { source: string; fromMs: number; toMs: number };

/** By how much the end of a block may differ, ms: nft tells whole seconds, and an agent puts whole seconds back. */
export const SLACK_MS = 3_000;

/**
 * What is wrong with the blocks that a host decided itself: all that tripped and whose time is not over are held until
 * their time, and nobody else is.
 *
 * @param lastsMs how long each block lasts
 * @param known sources that are held for another reason
 */
export function wrongBlocks(
  held: readonly Held[],
  tripped: readonly Tripped[],
  { nowMs, lastsMs, known = [] }: { nowMs: number; lastsMs: number; known?: readonly string[] },
): string[] {
  const found = new Map(held.map((block) => [block.source, block]));
  const trips = new Map(tripped.map((trip) => [trip.source, trip]));
  const missing = tripped.flatMap(({ source, fromMs, toMs }) => {
    const isRunning = toMs < nowMs && fromMs + lastsMs - SLACK_MS > nowMs;
    return isRunning && !found.has(source) ? [`${source} tripped and is not held`] : [];
  });
  const others = held.flatMap(({ source, untilMs }) => {
    if (known.includes(source)) return [];
    const trip = trips.get(source);
    if (trip === undefined) return [`${source} is held and never tripped`];
    const [least, most] = [trip.fromMs + lastsMs - SLACK_MS, trip.toMs + lastsMs + SLACK_MS];
    if (untilMs >= least && untilMs <= most) return [];
    return [`${source} is held until ${seconds(untilMs - most)} after its end`];
  });
  return [...missing, ...others];
}

/** Blocks that were there before and are not any more, or end at another time. */
export function lostBlocks(
  before: readonly Held[],
  after: readonly Held[],
  { nowMs, lifted }: { nowMs: number; lifted: (source: string) => boolean },
): string[] {
  const now = new Map(after.map((block) => [block.source, block]));
  return before.flatMap(({ source, untilMs }) => {
    if (untilMs < nowMs + SLACK_MS || lifted(source)) return [];
    const block = now.get(source);
    if (block === undefined) return [`${source} was in force and is not any more`];
    const differenceMs = block.untilMs - untilMs;
    if (Math.abs(differenceMs) <= SLACK_MS) return [];
    return [`${source} ends ${seconds(differenceMs)} later than before`];
  });
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
