import type { Source } from '@picket/protocol';
import type { Runner } from '../run/runner.ts';
import type { Damage, Entry, EntryCommands, Scope } from './entries.ts';
import { createChanger, type Held, heldOf, type Wanted } from './entry-state.ts';
import { answersOf, runSteps } from './entry-steps.ts';
import { FirewallError, type Stance } from './firewall.ts';

/** The parts of the backend that reach outside. */
export interface EntryFirewallDeps {
  readonly run: Runner;
  /** Unix ms. */
  readonly now: () => number;
  readonly log: (message: string) => void;
  /** Ends what `run` has running. */
  readonly close?: () => Promise<void>;
}

/** What a backend over a list of sources wants, believes, and still has to do. */
export interface EntryBook {
  readonly commands: EntryCommands;
  readonly deps: EntryFirewallDeps;
  /** What is believed to be in the system. */
  held: Held;
  wanted: Wanted;
  /** Undefined while nothing is set up. */
  changer: ReturnType<typeof createChanger> | undefined;
  /** The stance that was set up, as text. */
  stanceKey: string;
  /** Sources whose entries may differ from what is wanted, the host's own and the network's. */
  readonly open: { readonly local: Set<Source>; readonly shared: Set<Source> };
  /** Sources that found no room. */
  readonly left: Set<Source>;
  /** Damage that setting up again did not mend: a version of the program that prints in a way of its own. */
  borne: string | undefined;
  /** Whether more may differ than whoever asks now asked for. */
  owesAll: boolean;
}

/** A book of a system of which nothing is known, and of which nothing is wanted. */
export function emptyBook(commands: EntryCommands, deps: EntryFirewallDeps): EntryBook {
  return {
    ...{ commands, deps, held: heldOf([], commands), wanted: nothingWanted(), changer: undefined },
    ...{
      borne: undefined,
      stanceKey: '',
      open: { local: new Set(), shared: new Set() },
      left: new Set(),
      owesAll: false,
    },
  };
}

/** Forgets all, as when all was removed. */
export function forgetAll(book: EntryBook): void {
  Object.assign(book, { held: heldOf([], book.commands), wanted: nothingWanted() });
  for (const sources of [book.open.local, book.open.shared, book.left]) sources.clear();
  [book.changer, book.stanceKey] = [undefined, ''];
}

function nothingWanted(): Wanted {
  return { stance: { allow: [], onLink: [], enforce: true }, local: new Map(), shared: undefined };
}

/**
 * Reads the entries, or in `words` why what was set up is not whole.
 *
 * @param stance what was set up, where whom it allows is looked at too
 * @throws FirewallError for what setting up again would not help
 */
export async function readEntries(
  { commands, deps: { run, now }, borne }: EntryBook,
  scope: Scope,
  stance?: Stance,
): Promise<{ entries: Entry[] } | Damage> {
  const answers = await answersOf(run, commands.list(scope));
  if ('words' in answers) return { ...answers, steps: [] };
  const refusal = commands.refusal?.(answers.outputs);
  if (refusal !== undefined) throw new FirewallError(`${commands.name}: ${refusal}`);
  const damage = stance && commands.damage?.(answers.outputs, stance);
  if (damage !== undefined && damage.words !== borne) return damage;
  const entries = commands.parse(answers.outputs, now());
  return entries === undefined ? { words: 'it is not whole any more', steps: [] } : { entries };
}

/** Makes tables and hooks for a stance; entries that are there stay. */
export async function setUp(book: EntryBook, stance: Stance): Promise<void> {
  await runSteps(book.deps.run, book.commands.setUp(stance));
  book.changer = createChanger(book.commands, { stance });
  book.stanceKey = JSON.stringify(stance);
}

/** Takes what was read for what is there: all may differ from what is wanted. */
export function believe(book: EntryBook, listed: { entries: Entry[] } | { words: string }): Entry[] {
  if ('words' in listed) throw new FirewallError(`${book.commands.name}: ${listed.words}`);
  book.held = heldOf(listed.entries, book.commands);
  openAll(book);
  return listed.entries;
}

/** All sources that are held or wanted may differ. */
export function openAll({ open, held, wanted }: EntryBook): void {
  for (const source of [...held.local.keys(), ...wanted.local.keys()]) open.local.add(source);
  for (const source of [...held.shared.keys(), ...(wanted.shared?.keys() ?? [])]) open.shared.add(source);
}
