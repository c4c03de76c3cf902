import type { Source } from '@picket/protocol';
import { deleteBlocks } from './elements.ts';
import { BLOCK_SETS, blockSet, TABLE } from './names.ts';
import { noRanges } from './ranges.ts';
import { unmuteAll } from './tripping.ts';

/**
 * Script lines that empty every set of blocks, local and shared; nobody is muted either. Which sets of networks there are
 * nobody knows here: no rule leads to them any more, and an agent that starts replaces them.
 */
export function emptyBlocks(): string[] {
  const sets = BLOCK_SETS.map(({ origin, tier, key }) => `flush set ${TABLE} ${blockSet(origin, tier, key)}`);
  return [...sets, ...noRanges(), ...unmuteAll()];
}

/** Script lines that take sources out of every set of blocks, whether or not they are there. */
export function unblocked(sources: readonly Source[]): string[] {
  const elements = (['held', 'dropped'] as const).flatMap((tier) =>
    sources.map((source) => ({ source, tier })),
  );
  return [...deleteBlocks('local', elements), ...deleteBlocks('shared', elements)];
}

/**
 * Script lines after which the table refuses nobody: the two chains that refuse are emptied. An agent that starts writes
 * them anew, as its mode says. The packet in which a source trips is still dropped, and goes on to be counted.
 */
export function nothingEnforced(): string[] {
  return ['drop_all', 'drop_new'].map((name) => `flush chain ${TABLE} ${name}`);
}
