import type { Source } from '@picket/protocol';
import { addBlocks, deleteBlocks, type Element } from './elements.ts';
import type { Origin } from './names.ts';

/** Blocks whose ends differ by less are the same block, ms: nft counts timeouts in whole seconds. */
const SAME_END_MS = 1_500;

/**
 * Elements changed in one transaction of a long list. While the kernel takes one, other changes wait: for some 15 ms
 * with 5,000, for 340 with 100,000 (nft 1.0.6, Linux 6.18). Smaller ones make others wait as long, since the kernel
 * waits for all processors after each, and take longer for the whole list.
 */
export const STEP = 5_000;

/** Elements compared in one go, when nothing is to be changed: less than one ms. */
const LOOK = 2_000;

/** A part of a change that stands for itself: what changes together is in one transaction. */
export interface ListStep {
  readonly remove: readonly Element[];
  readonly add: readonly Element[];
}

/** Whether two blocks of a source need no change from one to the other. */
function isSame(a: Element, b: Element | undefined): boolean {
  return b !== undefined && a.tier === b.tier && Math.abs(a.untilMs - b.untilMs) < SAME_END_MS;
}

/** What is to be taken out and put in; a changed block is both, since an element's end cannot be moved. */
export function changes(
  have: ReadonlyMap<Source, Element>,
  want: ReadonlyMap<Source, Element>,
  nowMs: number,
): ListStep {
  return {
    // What has ended goes by itself; taking it out could take out what the kernel has put in its place since.
    remove: [...have.values()].filter(
      (e) => (e.untilMs > nowMs || want.has(e.source)) && !isSame(e, want.get(e.source)),
    ),
    add: [...want.values()].filter((e) => !isSame(e, have.get(e.source))),
  };
}

/**
 * The same in steps of a bounded size, made as they are needed. A source whose block changes is taken out and put in by
 * the same step, so that it is never missing between. Steps may be empty: pauses in comparing a long list.
 */
export function* listSteps(
  have: ReadonlyMap<Source, Element>,
  want: ReadonlyMap<Source, Element>,
): Generator<ListStep> {
  let step = { remove: [] as Element[], add: [] as Element[] };
  let looked = 0;
  const isFull = () => step.remove.length + step.add.length >= STEP || ++looked % LOOK === 0;
  const cut = (): ListStep => {
    const full = step;
    step = { remove: [], add: [] };
    return full;
  };
  for (const element of want.values()) {
    const old = have.get(element.source);
    if (!isSame(element, old)) {
      step.add.push(element);
      if (old !== undefined) step.remove.push(old);
    }
    if (isFull()) yield cut();
  }
  // Copied: who takes the steps notes in `have` what is done.
  for (const element of [...have.values()]) {
    if (!want.has(element.source)) step.remove.push(element);
    if (isFull()) yield cut();
  }
  yield cut();
}

/** Script lines that carry a step out. */
export function stepLines(origin: Origin, { remove, add }: ListStep, nowMs: number): string[] {
  return [...deleteBlocks(origin, remove), ...addBlocks(origin, add, nowMs)];
}
