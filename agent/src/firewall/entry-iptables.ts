import type { Family, Tier } from '@picket/protocol';
import type { Command } from '../run/runner.ts';
import type { Step } from './entries.ts';

/** What of a host the iptables backends cover. */
export interface IptablesOptions {
  /** Whether what is forwarded to containers and virtual machines is covered too. */
  readonly forwarded: boolean;
  /** Families of addresses that the host's iptables knows. */
  readonly families: readonly Family[];
}

/** Where a tier's chain is called from. */
export interface Place {
  readonly tier: Tier;
  readonly table: 'raw' | 'mangle';
  readonly hook: 'PREROUTING' | 'INPUT';
  readonly chain: string;
}

/** Seconds that a command waits for another program's lock on the tables. */
const LOCK_SECONDS = '5';

const CHAINS = { dropped: 'PICKET_DROPPED', held: 'PICKET_HELD' } as const;

/**
 * The chain of each tier. `raw` comes before conntrack and before what the administrator accepts, but has no chain for
 * what is for the host itself; `mangle` is the first after conntrack, which tells connections that exist.
 */
export function placesOf({ forwarded }: Pick<IptablesOptions, 'forwarded'>): readonly Place[] {
  const hook = forwarded ? 'PREROUTING' : 'INPUT';
  return [
    { tier: 'dropped', table: forwarded ? 'raw' : 'mangle', hook, chain: CHAINS.dropped },
    { tier: 'held', table: 'mangle', hook, chain: CHAINS.held },
  ];
}

/** Neighbour discovery (RFC 4861), which is no connection to conntrack: without it a neighbour's connections die. */
const NEIGHBOURS = [133, 134, 135, 136];

/** The rules of a place that come before all blocks: whoever matches one is not refused here. */
export function passRules({ chain, tier }: Place, family: Family): string[] {
  return [
    `-A ${chain} -i lo -j RETURN`,
    ...(tier === 'held' ? [`-A ${chain} -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN`] : []),
    ...(family === 6
      ? NEIGHBOURS.map((type) => `-A ${chain} -p ipv6-icmp -m icmp6 --icmpv6-type ${type} -j RETURN`)
      : []),
  ];
}

/** A command of a family on one table. */
export function iptables(family: Family, table: Place['table'], ...words: readonly string[]): Command {
  return { argv: [programOf(family), '-w', LOCK_SECONDS, '-t', table, ...words] };
}

/**
 * Changes to one table, whole or not at all, that leave alone what they do not name. A chain that is declared is
 * emptied first.
 */
export function restoreTable(family: Family, table: Place['table'], lines: readonly string[]): Command {
  return {
    argv: [`${programOf(family)}-restore`, '-w', LOCK_SECONDS, '--noflush'],
    stdin: `*${table}\n${lines.map((line) => `${line}\n`).join('')}COMMIT\n`,
  };
}

/** Asks for the rules of one table with their counters. */
export function saveTable(family: Family, table: Place['table']): Command {
  return { argv: [`${programOf(family)}-save`, '-c', '-t', table] };
}

/** Has a place's chain called first of all; twice would count each packet twice, so it is looked at before. */
export function hookStep(family: Family, { table, hook, chain }: Place): Step {
  return {
    unless: iptables(family, table, '-C', hook, '-j', chain),
    command: iptables(family, table, '-I', hook, '1', '-j', chain),
  };
}

/** What iptables says, of both makes (nf_tables and legacy), of a rule or chain that is not there. */
const GONE =
  /does a matching rule exist in that chain|No chain\/target\/match by that name|Chain '\S+' does not exist|Couldn't load target/;

/** Ends the call of a place's chain. */
export function unhookStep(family: Family, { table, hook, chain }: Place): Step {
  return { command: iptables(family, table, '-D', hook, '-j', chain), fine: GONE };
}

/** Empties a chain and takes it away. */
export function removeChain(family: Family, table: Place['table'], chain: string): Step[] {
  return ['-F', '-X'].map((verb) => ({ command: iptables(family, table, verb, chain), fine: GONE }));
}

/** What a place of the other setting of `forwarded` left in its hook. */
export function unhookOthers({ forwarded, families }: IptablesOptions): Step[] {
  const others = placesOf({ forwarded: !forwarded });
  return families.flatMap((family) => others.map((place) => unhookStep(family, place)));
}

/** Every place of both settings of `forwarded`. */
export function everyPlace(): readonly Place[] {
  return [...placesOf({ forwarded: true }), ...placesOf({ forwarded: false })];
}

/**
 * Whether a table, as iptables-save prints it, calls the place's chain, and the chain has rules with all of the given
 * words. Only words: each version writes rules in its own way.
 */
export function isWhole(saved: string, { hook, chain }: Place, words: readonly string[]): boolean {
  const lines = saved.split('\n').map((line) => line.replace(/^\[\d+:\d+\] /, ''));
  const rules = lines.filter((line) => line.startsWith(`-A ${chain} `));
  return lines.includes(`-A ${hook} -j ${chain}`) && words.every((w) => rules.some((r) => r.includes(w)));
}

/** The tables that the places are in, each once. */
export function tablesOf(places: readonly Place[]): readonly Place['table'][] {
  return [...new Set(places.map(({ table }) => table))];
}

function programOf(family: Family): 'iptables' | 'ip6tables' {
  return family === 4 ? 'iptables' : 'ip6tables';
}
