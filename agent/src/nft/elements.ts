import { type Cidr, familyOf, firstAddress, type Source, type Tier } from '@picket/protocol';
import { BLOCK_SETS, blockSet, keyOf, type Origin, sourceOfElement, TABLE } from './names.ts';
import { type Range, rangeOf, rangeSet } from './ranges.ts';

/** A source that a set of blocks is to hold. */
export interface Element {
  readonly source: Source;
  readonly tier: Tier;
  readonly untilMs: number;
}

/** Elements in one command: nft's parser takes long lists well, but its errors quote the whole line. */
const CHUNK = 5_000;

/** Script lines that put elements into their sets, with what is left of their time. Ended ones are left out. */
export function addBlocks(origin: Origin, elements: readonly Element[], nowMs: number): string[] {
  const live = elements.filter((e) => e.untilMs > nowMs);
  return bySet(origin, live).flatMap(([set, members]) =>
    chunks(members).map((chunk) => {
      const list = chunk.map(
        (e) => `${firstAddress(e.source)} timeout ${Math.ceil((e.untilMs - nowMs) / 1000)}s`,
      );
      return `add element ${TABLE} ${set} { ${list.join(', ')} }`;
    }),
  );
}

/**
 * Script lines that take elements out of their sets, whether or not they are there still: an element may end by itself
 * between a look and the deletion, and deleting what is not there would fail the whole transaction, so it is added
 * first.
 */
export function deleteBlocks(
  origin: Origin,
  elements: readonly Pick<Element, 'source' | 'tier'>[],
): string[] {
  return bySet(origin, elements).flatMap(([set, members]) =>
    deletion(
      set,
      members.map((e) => firstAddress(e.source)),
    ),
  );
}

/** Script lines that give sources a fresh bucket. */
export function resetRates(sources: readonly Source[]): string[] {
  return ([4, 6] as const).flatMap((family) =>
    deletion(`rate${family}`, sources.filter((s) => familyOf(s) === family).map(firstAddress)),
  );
}

/** Script lines that empty all sets of shared blocks: the fixed ones, and those of networks that there are. */
export function flushShared(ranges: readonly Range[]): string[] {
  const fixed = BLOCK_SETS.filter((s) => s.origin === 'shared').map(({ origin, tier, key }) =>
    blockSet(origin, tier, key),
  );
  return [...fixed, ...ranges.map(rangeSet)].map((set) => `flush set ${TABLE} ${set}`);
}

/** Script lines that replace a pair of interval sets, such as `allow4` and `allow6`, by the given networks. */
export function replaceNetworks(name: 'allow' | 'onlink' | 'sibling', networks: readonly Cidr[]): string[] {
  const families = name !== 'onlink' ? ([4, 6] as const) : ([6] as const);
  return families.flatMap((family) => {
    const members = networks.filter((network) => familyOf(network) === family);
    const flush = `flush set ${TABLE} ${name}${family}`;
    return members.length === 0
      ? [flush]
      : [flush, `add element ${TABLE} ${name}${family} { ${members.join(', ')} }`];
  });
}

/** What `nft -j list set` tells of a set of blocks; elements without an end are none of ours and left out. */
export function readBlocks(json: string, nowMs: number): (Element & { packets: number })[] {
  return listed(json).flatMap(({ source, tier, expires, packets }) =>
    expires === undefined ? [] : [{ source, tier, untilMs: nowMs + expires * 1000, packets }],
  );
}

/** The elements without an end: whoever put them there, every block of ours has one. */
export function readEndless(json: string): Pick<Element, 'source' | 'tier'>[] {
  return listed(json).filter(({ expires }) => expires === undefined);
}

interface Listed extends Pick<Element, 'source' | 'tier'> {
  /** Seconds until it ends. */
  readonly expires: number | undefined;
  readonly packets: number;
}

function listed(json: string): Listed[] {
  const { nftables = [] } = JSON.parse(json) as {
    nftables?: { set?: { name: string; elem?: ListedElement[] } }[];
  };
  return nftables.flatMap(({ set }) => {
    const known = BLOCK_SETS.find(({ origin, tier, key }) => blockSet(origin, tier, key) === set?.name);
    if (set === undefined || known === undefined) return [];
    return (set.elem ?? []).map((member) => {
      const facts: ElementFacts = typeof member === 'string' ? { val: member } : member.elem;
      const { val, expires, counter } = facts;
      return {
        source: sourceOfElement(val, known.key),
        tier: known.tier,
        expires,
        packets: counter?.packets ?? 0,
      };
    });
  });
}

type ListedElement = string | { elem: ElementFacts };

interface ElementFacts {
  readonly val: string;
  readonly expires?: number;
  readonly counter?: { readonly packets: number };
}

function deletion(set: string, members: readonly string[]): string[] {
  return chunks(members).flatMap((chunk) => {
    const list = `{ ${chunk.join(', ')} }`;
    return [`add element ${TABLE} ${set} ${list}`, `delete element ${TABLE} ${set} ${list}`];
  });
}

function bySet<T extends Pick<Element, 'source' | 'tier'>>(
  origin: Origin,
  elements: readonly T[],
): [string, T[]][] {
  const sets = new Map<string, T[]>();
  for (const element of elements) {
    const set = setOf(origin, element);
    if (set === undefined) continue;
    const members = sets.get(set);
    if (members === undefined) sets.set(set, [element]);
    else members.push(element);
  }
  return [...sets];
}

/** The set that holds a source; undefined when there is none for its prefix. */
function setOf(origin: Origin, { source, tier }: Pick<Element, 'source' | 'tier'>): string | undefined {
  const range = origin === 'shared' ? rangeOf(source, tier) : undefined;
  if (range !== undefined) return rangeSet(range);
  const key = keyOf(source);
  return key === undefined ? undefined : blockSet(origin, tier, key);
}

function chunks<T>(list: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(list.length / CHUNK) }, (_, i) =>
    list.slice(i * CHUNK, (i + 1) * CHUNK),
  );
}
