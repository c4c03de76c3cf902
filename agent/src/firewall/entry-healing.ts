import type { Entry, Scope } from './entries.ts';
import { believe, type EntryBook, readEntries, setUp } from './entry-book.ts';
import { heldOf, type Slot, slotsOf } from './entry-state.ts';
import { runSteps } from './entry-steps.ts';

/** An entry so near to its end, ms, may be gone already. */
const ENDING_MS = 2_000;

/** What was believed is void: the system is read, and set up again where it is not whole. */
export async function readAgain(book: EntryBook): Promise<void> {
  const { commands, deps, wanted } = book;
  const before = await readEntries(book, 'all', wanted.stance);
  if ('words' in before) {
    await runSteps(deps.run, before.steps);
    await setUp(book, wanted.stance);
    const what = 'others changed what was set up, it is made again with all blocks';
    deps.log(`${commands.name}: ${what} (${before.words})`);
  }
  believe(book, 'words' in before ? await readMended(book) : before);
  book.owesAll = true;
}

/** Reads what was set up a moment ago. Who finds the same damage in it again must not mend it at each look for ever. */
async function readMended(book: EntryBook): Promise<{ entries: Entry[] } | { words: string }> {
  const { commands, deps, wanted } = book;
  const mended = await readEntries(book, 'all', wanted.stance);
  if ('entries' in mended) return mended;
  book.borne = mended.words;
  deps.log(
    `${commands.name}: what was set up reads otherwise than it was written, and stays so (${mended.words})`,
  );
  return readEntries(book, 'all');
}

/** What differs between what was believed and what is there; both are open then. */
export function compare(book: EntryBook, entries: readonly Entry[], scope: Scope): void {
  const { commands, deps } = book;
  const there = heldOf(entries, commands);
  let gone = 0;
  for (const slot of slotsOf(commands)) {
    if (slot === 'shared' && scope === 'local') continue;
    gone += takeOutGone(book, slot, there[slot]);
    for (const [source, entry] of there[slot]) {
      if (book.held[slot].has(source)) continue;
      book.held[slot].set(source, entry);
      book.open[slot].add(source);
    }
  }
  if (gone > 0) deps.log(`${commands.name}: others removed ${gone} blocks, they are made again`);
}

/** Believes no more in what is not there, or not whole. @returns how many have not ended by themselves */
function takeOutGone(
  { commands, deps, held, open }: EntryBook,
  slot: Slot,
  there: ReadonlyMap<string, Entry>,
): number {
  let gone = 0;
  for (const [source, entry] of held[slot]) {
    const found = there.get(source);
    if (found !== undefined && found.isBroken !== true) continue;
    const isOver = commands.keepsEnds === true && (entry.untilMs ?? 0) <= deps.now() + ENDING_MS;
    if (!isOver) gone++;
    held[slot].delete(source);
    open[slot].add(source);
  }
  return gone;
}

/** Entries whose time is over are open, for the systems that do not end them; so is what found no room. */
export function openEnded({ commands, deps, held, open, left }: EntryBook): void {
  for (const slot of slotsOf(commands)) {
    for (const [source, { untilMs }] of held[slot]) {
      if (untilMs === undefined || untilMs > deps.now()) continue;
      if (commands.keepsEnds === true) held[slot].delete(source);
      else open[slot].add(source);
    }
  }
  for (const source of left) open.local.add(source);
  left.clear();
}
