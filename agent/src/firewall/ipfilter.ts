import { parseSource, type Source } from '@picket/protocol';
import type { Command } from '../run/runner.ts';
import type { Entry, EntryCommands, Step } from './entries.ts';
import { ipfilterRefusal } from './ipfilter-refusal.ts';

/**
 * Most sources. ipfilter has pools (ippool), but those of Solaris and illumos take single addresses of IPv4 only, and a
 * file of them is not loaded over one that is there. So each source is a rule or two, which are tried one by one.
 */
const MOST = 2_000;

/** Known by their log tag, which nothing but a rule that logs uses; a file of an administrator's has no reason to. */
const MARK = 'set-tag(log=4715)';

/** What ipf says of each rule that is there already; it says nothing of one that is not (ipf_y.y of illumos). */
const THERE = /^(?:\d+:ioctl\(add\/insert rule\)(?:: File exists| failed: rule exists)\s*)+$/;

/**
 * ipfilter of illumos and Solaris 10: rules at the head of the active list, which no file holds. Connections in
 * ipfilter's state table pass before rules are tried, in both tiers: `dropped` cannot cut them.
 */
export function ipfilterRules(): EntryCommands {
  return {
    name: 'ipfilter',
    keepsApart: false,
    most: MOST,
    setUp: () => [],
    list: () => IPFILTER_TRIALS,
    refusal: ([version = '']) => ipfilterRefusal(version),
    parse: ([, ...shown]) => readRules(shown.join('\n')),
    add: (entries) => changes(entries, { before: '@0 ', words: ['-f', '-'], fine: THERE }),
    remove: removal,
    tearDown: removal,
  };
}

/** What shows, without a change, whether it works: whether ipfilter runs, and its rules of both families. */
export const IPFILTER_TRIALS: readonly Command[] = [
  { argv: ['ipf', '-V'] },
  { argv: ['ipfstat', '-h', '-i'] },
  { argv: ['ipfstat', '-6', '-h', '-i'] },
];

function removal(entries: readonly Entry[]): Step[] {
  return changes(entries, { before: '', words: ['-r', '-f', '-'] });
}

const TIERS = ['held', 'dropped'] as const;

interface Change {
  readonly before: string;
  readonly words: readonly string[];
  readonly fine?: RegExp;
}

/** ipf reads the rules of one family at a time, and ends with status 0 whatever happens: its words tell. */
function changes(entries: readonly Entry[], { before, words, fine }: Change): Step[] {
  return [false, true].flatMap((isSix) => {
    const rules = entries.filter(({ source }) => source.includes(':') === isSix).flatMap(rulesOf);
    if (rules.length === 0) return [];
    const stdin = rules.map((rule) => `${before}${rule}\n`).join('');
    const argv = ['ipf', ...(isSix ? ['-6'] : []), ...words] as [string, ...string[]];
    return [{ command: { argv, stdin }, isJudgedByWords: true, ...(fine === undefined ? {} : { fine }) }];
  });
}

/**
 * `held`: first packets of TCP, and UDP, which has none. `dropped`: whatever has no state; of IPv6 not ICMPv6, since
 * without neighbour discovery (RFC 4861) a neighbour's connections would die.
 */
function rulesOf({ source, tier, isBroken }: Entry): string[] {
  // Nobody knows what is left of it, and a rule that is not there is removed in silence.
  if (isBroken) return TIERS.flatMap((each) => rulesOf({ source, tier: each, origin: 'local' }));
  const from = `from ${masked(source)} to any`;
  const rule = (protocol: string, flags = '') => `block in quick ${protocol}${from}${flags} ${MARK}`;
  if (tier === 'dropped' && !source.includes(':')) return [rule('')];
  return [rule('proto tcp ', tier === 'held' ? ' flags S/SA' : ''), rule('proto udp ')];
}

/** A host has its length too: so ipfstat prints it. */
function masked(source: Source): string {
  if (source.includes('/')) return source;
  return `${source}/${source.includes(':') ? 128 : 32}`;
}

/** A source has a rule of TCP and one of UDP, or one of every protocol that stands for both. */
const BOTH = 2;

/** Hits and rule (printfr.c), with the {@link MARK} at its end. */
const RULE = /^(\d+) block in quick (?:proto (\w+) )?from (\S+) to any(?: flags (\S+))? set-tag\(log=4715\)$/;

/** The rule of TCP, or of every protocol, tells the tier of a source; that of UDP adds its count. */
function readRules(shown: string): Entry[] {
  const found = new Map<Source, { tier: Entry['tier']; rules: number; packets: number }>();
  for (const line of shown.split('\n')) {
    const [, hits, protocol, network = '', flags] = RULE.exec(line.trim()) ?? [];
    const source = parseSource(network);
    if (source === undefined) continue;
    const known = found.get(source) ?? { tier: 'held', rules: 0, packets: 0 };
    const tier = protocol === 'udp' ? known.tier : flags === undefined ? 'dropped' : 'held';
    const rules = known.rules + (protocol === undefined ? BOTH : 1);
    found.set(source, { tier, rules, packets: known.packets + Number(hits) });
  }
  return [...found].map(([source, { tier, rules, packets }]) => {
    const isBroken = rules < BOTH ? { isBroken: true } : {};
    return { source, tier, origin: 'local', packets, ...isBroken };
  });
}
