import type { Source } from '@picket/protocol';
import { oneByOne } from '../run/one-by-one.ts';
import type { Entry, EntryCommands } from './entries.ts';
import {
  believe,
  type EntryBook,
  type EntryFirewallDeps,
  emptyBook,
  forgetAll,
  openAll,
  readEntries,
  setUp,
} from './entry-book.ts';
import { compare, openEnded, readAgain } from './entry-healing.ts';
import { settleFirst } from './entry-settling.ts';
import type { Wanted } from './entry-state.ts';
import { answersOf, runSteps } from './entry-steps.ts';
import type { CountedBlock, Firewall, FoundBlock, LocalBlock, Stance } from './firewall.ts';

/** A list so long is not read back at each look but at every so many. */
const LONG_LIST = 5_000;
const LOOKS_PER_LONG_LIST = 20;

/**
 * The firewall over any backend that holds a list of sources. It keeps what it believes to be in the system, carries out
 * what differs from what is wanted, and reads the system again when a change fails.
 */
export function createEntryFirewall(commands: EntryCommands, deps: EntryFirewallDeps): Firewall {
  const book = emptyBook(commands, deps);
  /** One piece of work after the other, whoever asks. */
  const inTurn = oneByOne();
  let looks = 0;
  return {
    name: commands.name,
    enforces: true,
    open: (stance) => inTurn(() => open(book, stance)),
    async apply({ local, ...stance }) {
      await inTurn(() => want(book, local, pick(stance)));
      await settleFirst(book, inTurn, book.open.local);
    },
    async share(shared) {
      // What was found when the agent started may be of the network's list or of nobody's any more.
      const before = book.wanted.shared ?? (commands.keepsApart ? book.held.shared : book.held.local);
      for (const source of [...before.keys(), ...shared.keys()]) book.open.shared.add(source);
      book.wanted = { ...book.wanted, shared };
      await settleFirst(book, inTurn, book.open.shared);
    },
    async look() {
      const isDue = () => book.held.shared.size <= LONG_LIST || ++looks % LOOKS_PER_LONG_LIST === 0;
      const listed = await inTurn(() => look(book, isDue()));
      book.owesAll = true;
      await settleFirst(book, inTurn, book.open.local);
      return counted(book, listed);
    },
    remove: () => inTurn(() => remove(book)),
    ...(deps.close && { close: deps.close }),
  };
}

async function open(book: EntryBook, stance: Stance): Promise<FoundBlock[]> {
  await setUp(book, stance);
  book.wanted = { ...book.wanted, stance };
  const listed = believe(book, await readEntries(book, 'all'));
  // Where the system keeps no end, only the agent's own book knows it, and whose block it was.
  return listed.flatMap(({ source, origin, tier, untilMs }) =>
    origin === 'local' && untilMs !== undefined ? [{ source, tier, untilMs }] : [],
  );
}

async function want(book: EntryBook, local: Wanted['local'], stance: Stance): Promise<void> {
  // Not those that stay as they are: there may be thousands, and this one is to be blocked before its next packet.
  for (const source of changedOf(book.wanted.local, local, book.deps.now())) book.open.local.add(source);
  book.wanted = { ...book.wanted, local, stance };
  if (JSON.stringify(stance) === book.stanceKey) return;
  await setUp(book, stance);
  openAll(book);
  book.owesAll = true;
}

/** Reads what is there, all of it or the host's own, and notes what differs. */
async function look(book: EntryBook, isAll: boolean): Promise<Entry[]> {
  if (book.changer === undefined) return [];
  const scope = isAll ? 'all' : 'local';
  const answer = await readEntries(book, scope, book.wanted.stance);
  if ('words' in answer) await readAgain(book);
  else compare(book, answer.entries, scope);
  openEnded(book);
  return 'words' in answer ? [] : answer.entries;
}

function counted({ commands, wanted }: EntryBook, entries: readonly Entry[]): CountedBlock[] {
  return entries.flatMap(({ source, origin, tier, untilMs, packets = 0 }) => {
    const isLocal = commands.keepsApart ? origin === 'local' : wanted.local.has(source);
    const endsMs = untilMs ?? wanted.local.get(source)?.untilMs;
    return isLocal && endsMs !== undefined ? [{ source, tier, untilMs: endsMs, packets }] : [];
  });
}

async function remove(book: EntryBook): Promise<void> {
  const { commands, deps } = book;
  const answers = await answersOf(deps.run, commands.list('all'));
  const found = 'words' in answers ? undefined : commands.parse(answers.outputs, deps.now());
  await runSteps(deps.run, commands.tearDown(found ?? []));
  forgetAll(book);
}

/** Sources of which something else is wanted than before, or whose time is over; what failed then is still open. */
function changedOf(before: Wanted['local'], after: Wanted['local'], nowMs: number): Source[] {
  const stays = (source: Source, { tier, untilMs }: LocalBlock) => {
    const other = after.get(source);
    return untilMs > nowMs && other?.tier === tier && other.untilMs === untilMs;
  };
  const changed = [...before].flatMap(([source, block]) => (stays(source, block) ? [] : [source]));
  return [...changed, ...[...after.keys()].filter((source) => !before.has(source))];
}

/** A stance without what stands beside it, in a fixed order, so that equal ones are equal texts. */
function pick({ allow, onLink, enforce }: Stance): Stance {
  return { allow, onLink, enforce };
}
