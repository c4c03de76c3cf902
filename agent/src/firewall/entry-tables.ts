import type { Tier } from '@picket/protocol';
import type { Entry } from './entries.ts';

/** A named table of a packet filter: sources of one origin and one tier. */
export interface EntryTable {
  readonly name: string;
  readonly origin: Entry['origin'];
  readonly tier: Tier;
}

const table = (origin: Entry['origin'], tier: Tier): EntryTable => ({
  name: `picket_${origin}_${tier}`,
  origin,
  tier,
});

/** The tables of the filters that have tables, the host's own before the network's: pf's names end at 31 characters. */
export const ENTRY_TABLES: readonly EntryTable[] = [
  table('local', 'held'),
  table('local', 'dropped'),
  table('shared', 'held'),
  table('shared', 'dropped'),
];

/** How many of {@link ENTRY_TABLES} are the host's own. */
export const LOCAL_TABLES = 2;

/** The entries of each table that has any. */
export function byTable(entries: readonly Entry[]): { table: EntryTable; entries: readonly Entry[] }[] {
  return ENTRY_TABLES.map((each) => ({
    table: each,
    entries: entries.filter(({ origin, tier }) => origin === each.origin && tier === each.tier),
  })).filter((group) => group.entries.length > 0);
}
