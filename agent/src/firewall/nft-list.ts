import { setImmediate as breathe } from 'node:timers/promises';
import type { Source } from '@picket/protocol';
import { listSteps, stepLines } from '../nft/changes.ts';
import { addBlocks, type Element, flushShared } from '../nft/elements.ts';
import { changeRanges, type Range, rangeOf, rangeSet } from '../nft/ranges.ts';
import type { Applied, NftTable } from './nft-table.ts';

/** What the network's list is put in force with. */
export interface ListDeps {
  readonly table: NftTable;
  /** Unix ms. */
  readonly now: () => number;
  /** Runs work that must not run beside a change of rules. */
  readonly alone: <T>(work: () => Promise<T>) => Promise<T>;
}

/**
 * Leads from the list in force to another: what changes, in steps between which the host's own blocks get their turn.
 * Where nobody knows what an earlier agent left, the list replaces it in one transaction, so that no source that stays
 * blocked is free for a moment.
 */
export async function putList(
  deps: ListDeps,
  state: Applied,
  list: ReadonlyMap<Source, Element>,
): Promise<void> {
  const ranges = rangesOf(list);
  if (state.shared === undefined) return deps.alone(() => replaceList(deps, state, list, ranges));
  await setRanges(deps, state, union(state.ranges, ranges));
  for (const step of listSteps(state.shared, list)) {
    await deps.table.load(stepLines('shared', step, deps.now()));
    for (const { source } of step.remove) state.shared.delete(source);
    for (const element of step.add) state.shared.set(element.source, element);
    await breathe();
  }
  await setRanges(deps, state, ranges);
}

async function replaceList(
  { table, now }: ListDeps,
  state: Applied,
  list: ReadonlyMap<Source, Element>,
  ranges: readonly Range[],
): Promise<void> {
  const kept = state.ranges.filter((range) => has(ranges, range));
  await table.load([
    ...changeRanges(state.ranges, ranges, state.enforce),
    ...flushShared(kept),
    ...addBlocks('shared', [...list.values()], now()),
  ]);
  state.shared = new Map(list);
  state.ranges = ranges;
}

async function setRanges(
  { table, alone }: ListDeps,
  state: Applied,
  ranges: readonly Range[],
): Promise<void> {
  if (ranges.length === state.ranges.length && ranges.every((range) => has(state.ranges, range))) return;
  await alone(async () => {
    await table.load(changeRanges(state.ranges, ranges, state.enforce));
    state.ranges = ranges;
  });
}

/** The sets of networks that a list needs. */
function rangesOf(list: ReadonlyMap<Source, Element>): Range[] {
  const found = new Map<string, Range>();
  for (const { source, tier } of list.values()) {
    // Most are single addresses, of which one word is enough.
    const range = source.includes('/') ? rangeOf(source, tier) : undefined;
    if (range !== undefined) found.set(rangeSet(range), range);
  }
  return [...found.values()];
}

function union(a: readonly Range[], b: readonly Range[]): Range[] {
  return [...a, ...b.filter((range) => !has(a, range))];
}

function has(ranges: readonly Range[], range: Range): boolean {
  return ranges.some((each) => rangeSet(each) === rangeSet(range));
}
