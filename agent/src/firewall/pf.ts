import { parseSource, type Source } from '@picket/protocol';
import type { Command } from '../run/runner.ts';
import type { Entry, EntryCommands, Scope, Step } from './entries.ts';
import { byTable, ENTRY_TABLES, type EntryTable, LOCAL_TABLES } from './entry-tables.ts';
import { type PfSystem, pfRefusal } from './pf-refusal.ts';
import { ANCHOR, anchorRules, areWhole, type PfOptions } from './pf-rules.ts';

/**
 * Most addresses in all tables together, as systems ship it: `set limit table-entries` 200,000 (PFR_KENTRY_HIWAT). One
 * more and pfctl fails with "Cannot allocate memory".
 */
const MOST = 200_000;

/**
 * Most sources of one change whose connections are cut: each takes two runs of pfctl that look through all states. A long
 * list of the network refuses new connections at once and lets those that exist end.
 */
const MOST_CUT = 100;

/** How many answers come before the tables' own: state, main rules, the anchor's rules and tables. */
const HEADS = 4;

/** What pfctl says of a table or anchor that is gone (pfctl_radix.c). */
const GONE = /(?:Table|Anchor or Ruleset|Anchor) does not exist/;

/** pf of FreeBSD, OpenBSD and Solaris 11.4: tables and rules in one anchor. The main rules are looked at, never loaded. */
export function pfTables(system: PfSystem, options: PfOptions): EntryCommands {
  return {
    name: 'pf',
    keepsApart: true,
    most: MOST,
    setUp: () => [{ command: changing(['-f', '-'], anchorRules(options)) }],
    list: (scope) => [
      pfctl(['-s', 'info']),
      pfctl(['-s', 'rules']),
      inAnchor(['-s', 'rules']),
      inAnchor(['-s', 'Tables']),
      ...tablesOf(scope).map(shownOf),
    ],
    refusal: ([info = '', rules = '']) => pfRefusal(system, info, rules),
    parse: (outputs) => {
      const [rules = '', tables = '', ...shown] = outputs.slice(HEADS - 2);
      const names = new Set(tables.split('\n').map((line) => line.trim()));
      if (!areWhole(rules) || ENTRY_TABLES.some(({ name }) => !names.has(name))) return undefined;
      return shown.flatMap((text, i) => readTable(text, ENTRY_TABLES[i]));
    },
    add: (entries) => [
      ...byTable(entries).map(({ table, entries: own }) => ({ command: change(table, 'add', own) })),
      ...cut(entries.filter(({ tier }) => tier === 'dropped').map(({ source }) => source)),
    ],
    remove: (entries) =>
      byTable(entries).map(({ table, entries: own }) => ({
        command: change(table, 'delete', own),
        fine: GONE,
      })),
    tearDown: () => ['rules', 'Tables'].map((what) => ({ command: changing(['-F', what]), fine: GONE })),
  };
}

/** What shows, without a change, whether it works: state, main rules, and whether this system's pfctl can read ours. */
export function pfTrials(options: PfOptions): readonly Command[] {
  const reading = { argv: ['pfctl', '-n', '-a', ANCHOR, '-f', '-'], stdin: anchorRules(options) } as const;
  return [pfctl(['-s', 'info']), pfctl(['-s', 'rules']), reading];
}

function tablesOf(scope: Scope): readonly EntryTable[] {
  return scope === 'all' ? ENTRY_TABLES : ENTRY_TABLES.slice(0, LOCAL_TABLES);
}

function pfctl(words: readonly string[]): Command {
  return { argv: ['pfctl', ...words] };
}

function inAnchor(words: readonly string[]): Command {
  return pfctl(['-a', ANCHOR, ...words]);
}

/** Counters only of the host's own: five lines for each address of the network's list would be too long. */
function shownOf({ name, origin }: EntryTable): Command {
  return inAnchor([...(origin === 'local' ? ['-v'] : []), '-t', name, '-T', 'show']);
}

/** A change to the anchor; `-q` leaves out the counts that pfctl writes to its standard error. */
function changing(words: readonly string[], stdin?: string): Command {
  const { argv } = pfctl(['-q', '-a', ANCHOR, ...words]);
  return stdin === undefined ? { argv } : { argv, stdin };
}

/** An address that is there already, or is not, is no failure: pfctl counts it as not changed. */
function change({ name }: EntryTable, verb: 'add' | 'delete', entries: readonly Entry[]): Command {
  const lines = entries.map(({ source }) => `${source}\n`);
  return changing(['-t', name, '-T', verb, '-f', '-'], lines.join(''));
}

/** Ends the connections that sources have: those that they began, and those that the host began to them. */
function cut(sources: readonly Source[]): Step[] {
  if (sources.length > MOST_CUT) return [];
  return sources.flatMap((source) => {
    const anybody = source.includes(':') ? '::/0' : '0.0.0.0/0';
    return [
      ['-k', source],
      ['-k', anybody, '-k', source],
    ].map((words) => ({ command: pfctl(['-q', ...words]) }));
  });
}

/** An address' line begins with blanks, its counters' lines with a tab (pfctl_table.c, print_addrx and print_astats). */
function readTable(shown: string, table: EntryTable | undefined): Entry[] {
  const entries: Entry[] = [];
  for (const line of shown.split('\n')) {
    const [, address = ''] = /^ {2,3}([^\s!]\S*)/.exec(line) ?? [];
    const source = parseSource(address);
    if (source !== undefined && table !== undefined)
      entries.push({ source, origin: table.origin, tier: table.tier });
    const [, packets] = /^\s+In\/Block:\s+\[ Packets: (\d+)/.exec(line) ?? [];
    const last = entries.at(-1);
    if (packets !== undefined && last !== undefined)
      entries.splice(-1, 1, { ...last, packets: Number(packets) });
  }
  return entries;
}
