import type { Source, Tier } from '@picket/protocol';
import { chain, TABLE } from './names.ts';

/**
 * Shared blocks of whole networks. A packet's address finds its network in a hash set when it is masked first, so there
 * is a set, and a rule, for each prefix length in use. (An interval set would do with one, but nft reads all of it for
 * each change: one add among 50,000 takes 0.5 s and more.)
 */
export interface Range {
  readonly tier: Tier;
  readonly family: 4 | 6;
  /** Prefix length: IPv4 8 to 31, IPv6 19 to 63. */
  readonly length: number;
}

/** Widest networks that have a set; the policy may take fewer. */
const WIDEST = { 4: 8, 6: 19 } as const;

/** Narrowest: what is narrower is a source of its own, or part of one. */
const NARROWEST = { 4: 31, 6: 63 } as const;

/** Most networks in one set: a whole list of the largest size may be of one length. */
const MAX_RANGES = 131_072;

const TIERS: readonly Tier[] = ['dropped', 'held'];

/** The set that a source belongs in; undefined for single sources, and for prefixes that no set holds. */
export function rangeOf(source: Source, tier: Tier): Range | undefined {
  const [, tail] = source.split('/');
  if (tail === undefined) return undefined;
  const [family, length] = [source.includes(':') ? (6 as const) : (4 as const), Number(tail)];
  return length >= WIDEST[family] && length <= NARROWEST[family] ? { tier, family, length } : undefined;
}

/** Name of a set: `shared_held4_24`. */
export function rangeSet({ tier, family, length }: Range): string {
  return `shared_${tier}${family}_${length}`;
}

/** The sets that stand in what `nft -j list sets` says, whoever made them. */
export function rangesIn(json: string): Range[] {
  return [...json.matchAll(/"shared_(held|dropped)([46])_(\d+)"/g)].map(([, tier, family, length]) => ({
    tier: tier as Tier,
    family: Number(family) as 4 | 6,
    length: Number(length),
  }));
}

/** The sets and chains as they stand in the table. A host that does not enforce keeps the sets, and refuses nobody. */
export function rangeParts(ranges: readonly Range[], enforce: boolean): string[] {
  const chains = TIERS.map((tier) => chain(rangeChain(tier), enforce ? rulesOf(ranges, tier) : []));
  return [...ranges.map((range) => `set ${rangeSet(range)} ${definition(range)}`), ...chains];
}

/** Script lines that lead from some sets to others, with their rules. */
export function changeRanges(have: readonly Range[], want: readonly Range[], enforce: boolean): string[] {
  const wanted = new Set(want.map(rangeSet));
  return [
    ...want.map((range) => `add set ${TABLE} ${rangeSet(range)} ${definition(range)}`),
    ...TIERS.flatMap((tier) => [
      `flush chain ${TABLE} ${rangeChain(tier)}`,
      ...(enforce ? rulesOf(want, tier) : []).map((rule) => `add rule ${TABLE} ${rangeChain(tier)} ${rule}`),
    ]),
    ...have
      .filter((range) => !wanted.has(rangeSet(range)))
      .map((range) => `delete set ${TABLE} ${rangeSet(range)}`),
  ];
}

/** Script lines after which no network is refused, whatever sets there are. */
export function noRanges(): string[] {
  return TIERS.flatMap((tier) => [
    // A table of an older version has no such chain yet.
    `add chain ${TABLE} ${rangeChain(tier)}`,
    `flush chain ${TABLE} ${rangeChain(tier)}`,
  ]);
}

/** Chain that refuses networks of one tier. */
export function rangeChain(tier: Tier): string {
  return `ranges_${tier}`;
}

function rulesOf(ranges: readonly Range[], tier: Tier): string[] {
  return ranges
    .filter((range) => range.tier === tier)
    .map((range) => `${masked(range)} @${rangeSet(range)} counter name ${tier} drop`);
}

function definition({ family }: Range): string {
  return `{ type ipv${family}_addr; size ${MAX_RANGES}; flags timeout; }`;
}

/** A packet's source with the bits of the host cut off. */
function masked({ family, length }: Range): string {
  return family === 4 ? `ip saddr & ${mask4(length)}` : `ip6 saddr & ${mask6(length)}`;
}

function mask4(length: number): string {
  const bits = (0xffff_ffff << (32 - length)) >>> 0;
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join('.');
}

function mask6(length: number): string {
  const groups = [0, 16, 32, 48].map((from) => {
    const ones = Math.min(16, Math.max(0, length - from));
    return ((0xffff << (16 - ones)) & 0xffff).toString(16);
  });
  return `${groups.join(':')}::`;
}
