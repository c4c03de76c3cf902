import type { Source } from '@picket/protocol';
import type { OneByOne } from '../run/one-by-one.ts';
import type { EntryBook } from './entry-book.ts';
import { readAgain } from './entry-healing.ts';
import { runSteps } from './entry-steps.ts';
import { FirewallError } from './firewall.ts';

/** Sources changed at a time: while a long list is put in force, a block of the host's own waits for one such piece. */
const CHUNK = 2_000;

/** Works off what was asked for, and after that whatever else may differ. */
export async function settleFirst(book: EntryBook, inTurn: OneByOne, lane: Set<Source>): Promise<void> {
  await settle(book, inTurn, lane);
  if (!book.owesAll) return;
  book.owesAll = false;
  await settle(book, inTurn, book.open.local);
  await settle(book, inTurn, book.open.shared);
}

/** Works sources off, piece by piece, so that other work comes in between. */
async function settle(book: EntryBook, inTurn: OneByOne, lane: Set<Source>): Promise<void> {
  while (lane.size > 0) {
    await inTurn(async () => {
      const chunk = take(lane, CHUNK);
      await changeOrHeal(book, chunk).catch((error) => {
        for (const source of chunk) lane.add(source);
        throw error;
      });
    });
  }
}

async function changeOrHeal(book: EntryBook, sources: readonly Source[]): Promise<void> {
  const { commands, deps } = book;
  try {
    await change(book, sources);
  } catch (error) {
    if (!(error instanceof FirewallError) || book.changer === undefined) throw error;
    deps.log(`${commands.name}: a change failed, what is in force is read again: ${error.message}`);
    await readAgain(book);
    await change(book, sources);
  }
}

async function change(book: EntryBook, sources: readonly Source[]): Promise<void> {
  const { commands, deps, changer, wanted, held } = book;
  if (changer === undefined) throw new FirewallError(`${commands.name} is not set up yet`);
  const { remove, add, after, left: over } = changer(wanted, held, sources, deps.now());
  if (remove.length > 0) await runSteps(deps.run, commands.remove(remove));
  if (add.length > 0) await runSteps(deps.run, commands.add(add, deps.now()));
  for (const { slot, source, entry } of after) {
    if (entry === undefined) book.held[slot].delete(source);
    else book.held[slot].set(source, entry);
  }
  leaveOut(book, over);
}

function leaveOut({ commands, deps, left }: EntryBook, sources: readonly Source[]): void {
  const isNews = left.size === 0 && sources.length > 0;
  for (const source of sources) left.add(source);
  if (isNews)
    deps.log(
      `${commands.name} holds ${commands.most} sources at most: others are not blocked until there is room`,
    );
}

/** Takes the first so many out of a set. */
function take<T>(set: Set<T>, most: number): T[] {
  const taken: T[] = [];
  for (const item of set) {
    if (taken.length >= most) break;
    taken.push(item);
    set.delete(item);
  }
  return taken;
}
