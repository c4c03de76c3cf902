import type { Tier } from '@picket/protocol';
import { detectionChains } from './detection.ts';
import { ADDRESS, ALLOWED, BLOCK_SETS, blockSet, chain, KEYS, type Origin, TABLE, typeOf } from './names.ts';
import { type Range, rangeChain, rangeParts } from './ranges.ts';
import type { RulesetPolicy } from './ruleset-policy.ts';

/** Most sources in one set of local blocks, and most shared ones: hash sets of about 150 bytes an element. */
const MAX_LOCAL_BLOCKS = 131_072;
const MAX_SHARED_BLOCKS = 131_072;

/**
 * Neighbour discovery (RFC 4861) is no connection to conntrack, and without it a neighbour's connections die: ARP, which
 * does the same for IPv4, is not seen by this table at all.
 */
const NEIGHBOURS_PASS =
  'icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } return';

/**
 * The whole table as one nft script. Loading it twice gives the same table: definitions that are there already are
 * kept with their elements, and only the rules are replaced, in one transaction.
 *
 * @param enforce false: everything is detected and kept as ever, and no packet is refused
 * @param ranges sets of networks that are there, or are to be
 */
export function renderRuleset(
  policy: RulesetPolicy,
  enforce: boolean,
  ranges: readonly Range[] = [],
): string {
  const parts = [
    ...blockSets(),
    ...rangeParts(ranges, enforce),
    ...dropChains(policy, enforce),
    ...(policy.detects ? detectionChains(policy, enforce) : []),
  ];
  return `add table ${TABLE}\nflush table ${TABLE}\ntable ${TABLE} {\n${parts.map((part) => ` ${part}\n`).join('')}}\n`;
}

/** The script that removes all of it, also when nothing is there. */
export const REMOVAL = `add table ${TABLE}\ndelete table ${TABLE}\n`;

function blockSets(): string[] {
  const blocks = BLOCK_SETS.map(({ origin, tier, key }) => {
    const size = origin === 'local' ? MAX_LOCAL_BLOCKS : MAX_SHARED_BLOCKS;
    // `dynamic` only where packets add: it keeps the bulk sets on the plain hash, which is faster to fill.
    const flags = origin === 'local' ? 'dynamic,timeout' : 'timeout';
    const counter = origin === 'local' ? ' counter;' : '';
    return `set ${blockSet(origin, tier, key)} { type ${typeOf(key)}; size ${size}; flags ${flags};${counter} }`;
  });
  return [
    'set allow4 { type ipv4_addr; flags interval; auto-merge; }',
    'set allow6 { type ipv6_addr; flags interval; auto-merge; }',
    'counter held { }',
    'counter dropped { }',
    ...blocks,
  ];
}

/**
 * Both tiers of blocking. `dropped` comes before conntrack (priority -200) and before every table of the
 * administrator; `held` right after conntrack, since it spares connections that exist. Both tests come after the
 * allow list: allow wins in the kernel, whatever the agent believes. Without enforcement both chains are empty.
 *
 * On prerouting they meet all that comes in, also what goes on to containers and virtual machines, before any of it is
 * readdressed (DNAT). On input, before detection, only what is for the host itself.
 */
function dropChains({ forwarded }: RulesetPolicy, enforce: boolean): string[] {
  const [all, fresh] = forwarded
    ? ['prerouting priority -450', 'prerouting priority -190']
    : ['input priority -450', 'input priority -400'];
  return [
    chain('drop_all', [
      `type filter hook ${all}; policy accept;`,
      'iif lo return',
      NEIGHBOURS_PASS,
      ...ALLOWED,
      ...(enforce ? refuse('dropped') : []),
    ]),
    chain('drop_new', [
      `type filter hook ${fresh}; policy accept;`,
      'iif lo return',
      'ct state { established, related } return',
      NEIGHBOURS_PASS,
      ...ALLOWED,
      ...(enforce ? refuse('held') : []),
    ]),
  ];
}

function refuse(tier: Tier): string[] {
  const origins: readonly Origin[] = ['local', 'shared'];
  const singles = KEYS.flatMap((key) =>
    origins.map((origin) => `${ADDRESS[key]} @${blockSet(origin, tier, key)} counter name ${tier} drop`),
  );
  return [...singles, `goto ${rangeChain(tier)}`];
}
