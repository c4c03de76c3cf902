import { parseSource } from '@picket/protocol';
import type { Command } from '../run/runner.ts';
import type { Entry, EntryCommands, Scope } from './entries.ts';
import { byTable, ENTRY_TABLES, type EntryTable, LOCAL_TABLES } from './entry-tables.ts';
import { ipfwRefusal } from './ipfw-refusal.ts';
import { additions, areWhole, type IpfwOptions, NEXT_SET, RULE, RULE_SET, swapIn } from './ipfw-rules.ts';

/** How many answers come before the tables': whether ipfw is on, and our rules. */
const HEADS = 2;

const IS_ENABLED: Command = {
  argv: ['sysctl', '-n', 'net.inet.ip.fw.enable', 'net.inet6.ip6.fw.enable'],
};

/** What ipfw says of a table that is gone: ESRCH in words (sbin/ipfw/tables.c). */
const GONE = /No such process|does not exist|table not found/;

/**
 * ipfw of FreeBSD 12 or later (named tables and states): four tables and a set of rules before all others. Tables hold
 * both families and networks; the value of an entry is not used.
 */
export function ipfwTables(options: IpfwOptions): EntryCommands {
  return {
    name: 'ipfw',
    keepsApart: true,
    setUp: () => [{ command: script([...ENTRY_TABLES.map(creation), ...swapIn(options)]) }],
    list: (scope) => [
      IS_ENABLED,
      { argv: ['ipfw', 'list', String(RULE)] },
      ...tablesOf(scope).map(({ name }): Command => ({ argv: ['ipfw', 'table', name, 'list'] })),
    ],
    refusal: ([enabled = '']) => ipfwRefusal(enabled),
    parse: (outputs) => {
      const [rules = '', ...shown] = outputs.slice(HEADS - 1);
      if (!areWhole(rules, options)) return undefined;
      return shown.flatMap((text, i) => readTable(text, ENTRY_TABLES[i]));
    },
    add: (entries) => changes(entries, ({ name }, { source }) => `table ${name} add ${source} 0`),
    remove: (entries) => changes(entries, ({ name }, { source }) => `table ${name} delete ${source}`),
    tearDown: () => [
      { command: script([RULE_SET, NEXT_SET].map((set) => `delete set ${set}`)) },
      ...ENTRY_TABLES.map(({ name }) => ({
        command: { argv: ['ipfw', '-q', 'table', name, 'destroy'] } as const,
        fine: GONE,
      })),
    ],
  };
}

/** What shows, without a change, whether it works: whether ipfw is on, its rules, and whether it can read ours. */
export function ipfwTrials(options: IpfwOptions): readonly Command[] {
  const { stdin = '' } = script(additions(options));
  return [IS_ENABLED, { argv: ['ipfw', '-S', 'list'] }, { argv: ['ipfw', '-n', '-q', '/dev/stdin'], stdin }];
}

function tablesOf(scope: Scope): readonly EntryTable[] {
  return scope === 'all' ? ENTRY_TABLES : ENTRY_TABLES.slice(0, LOCAL_TABLES);
}

/** A table that is there already stays with its entries: `missing`, ipfw(8). */
function creation({ name }: EntryTable): string {
  return `table ${name} create type addr missing`;
}

/**
 * Many commands in one run of ipfw. `-q`: an entry that is there already, or is not, is no failure, nor is a set without
 * rules; else the first line that fails ends the run. FreeBSD's /dev/stdin is descriptor 0 once more, also where that is
 * a socket, as Node's pipes are.
 */
function script(lines: readonly string[]): Command {
  return { argv: ['ipfw', '-q', '/dev/stdin'], stdin: lines.map((line) => `${line}\n`).join('') };
}

function changes(entries: readonly Entry[], line: (table: EntryTable, entry: Entry) => string) {
  const lines = byTable(entries).flatMap(({ table, entries: own }) => own.map((entry) => line(table, entry)));
  return lines.length === 0 ? [] : [{ command: script(lines) }];
}

/** `192.0.2.1/32 0`: key and value. */
function readTable(shown: string, table: EntryTable | undefined): Entry[] {
  return shown.split('\n').flatMap((line) => {
    const source = parseSource(line.trim().split(/\s+/)[0] ?? '');
    return source === undefined || table === undefined
      ? []
      : [{ source, origin: table.origin, tier: table.tier }];
  });
}
