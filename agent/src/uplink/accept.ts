import {
  type BlockEntry,
  type Cidr,
  cidrOf,
  familyOf,
  MAX_BLOCK_LIST_ENTRIES,
  MAX_SHARED_BLOCK_MS,
  type NeverBlockFacts,
  type NeverBlockReason,
  neverBlockRule,
  parseSource,
  type Source,
} from '@picket/protocol';
import type { Policy } from '../policy/policy.ts';
import type { Clock } from './clock.ts';
import type { ListState } from './list-state.ts';
import { inSlices } from './slices.ts';

/** What a host takes from a shared list, whoever signs it. */
export interface ListLimits {
  readonly maxEntries: number;
  /** Widest source: shortest prefix of an IPv4 and of an IPv6 source. */
  readonly minPrefix4: number;
  readonly minPrefix6: number;
}

/** The limits of a host's policy. */
export function listLimits({ block }: Pick<Policy, 'block'>): ListLimits {
  const { shared_min_prefix4: minPrefix4, shared_min_prefix6: minPrefix6 } = block;
  return { maxEntries: MAX_BLOCK_LIST_ENTRIES, minPrefix4, minPrefix6 };
}

/** Without a policy: one IPv4 address, one IPv6 /64. */
export const DEFAULT_LIST_LIMITS: ListLimits = {
  maxEntries: MAX_BLOCK_LIST_ENTRIES,
  minPrefix4: 32,
  minPrefix6: 64,
};

/**
 * Why an entry was not taken as it came; `too long` ones are cut to the longest allowed. `no single source`: narrower
 * than a source and yet no address, an IPv6 /65 to /127, which no set of the firewall holds.
 */
export type RefusalReason = NeverBlockReason | 'too wide' | 'no single source' | 'too many' | 'too long';

/** The list that this host will put in force; ends are in the host's clock. */
export interface AcceptedList {
  readonly version: number;
  readonly epoch: string | undefined;
  readonly entries: ReadonlyMap<Source, BlockEntry>;
  /** The same and more as the collector signed them, ends in its clock: by these a decision is known again. */
  readonly signed: ReadonlyMap<Source, BlockEntry>;
  /** Addresses that no host of the network blocks. */
  readonly allow: readonly Cidr[];
  /** Those of `allow` that are the network's own hosts. */
  readonly hosts: readonly Cidr[];
  /** There while the network is in observe mode; its end, if it has one, is in the host's clock. */
  readonly observe?: { readonly untilMs?: number | undefined } | undefined;
  /** Entries that were refused or cut, by reason. */
  readonly refused: Readonly<Record<string, number>>;
}

/**
 * Decides entry by entry. Ended entries are left out without a word: that is what ends are for. Asynchronous because a
 * long list is decided on in slices, between other work.
 */
export async function acceptList(
  state: ListState,
  { facts, limits, clock }: { facts: NeverBlockFacts; limits: ListLimits; clock: Clock },
): Promise<AcceptedList> {
  const nowMs = clock.nowMs();
  const refusalOf = refusalRule({ ...facts, allow: [...facts.allow, ...state.allow] }, limits);
  const entries = new Map<Source, BlockEntry>();
  const refused: Record<string, number> = {};
  const count = (reason: RefusalReason): void => {
    refused[reason] = (refused[reason] ?? 0) + 1;
  };
  const live = [...state.entries.values()].filter(([, untilMs]) => untilMs > nowMs);
  await inSlices(live, SLICE, (slice) => {
    for (const [source, untilMs, tier, reason] of slice) {
      const refusal = refusalOf(source) ?? (entries.size >= limits.maxEntries ? 'too many' : undefined);
      if (refusal !== undefined) {
        count(refusal);
        continue;
      }
      const endMs = Math.min(untilMs, nowMs + MAX_SHARED_BLOCK_MS);
      if (endMs < untilMs) count('too long');
      entries.set(source, [source, Math.max(0, clock.toHostMs(endMs)), tier, reason]);
    }
  });
  const { version, epoch, allow, hosts } = state;
  const observe = observeOf(state, clock);
  return { version, epoch, entries, signed: state.entries, allow, hosts, observe, refused };
}

function observeOf({ observe }: ListState, clock: Clock): AcceptedList['observe'] {
  return observe?.untilMs === undefined ? observe : { untilMs: Math.max(0, clock.toHostMs(observe.untilMs)) };
}

/** Entries decided on in one go: some 5 ms of work beside the longest allow list of networks. */
const SLICE = 250;

/** Why a source is refused whatever else the list holds. */
function refusalRule(
  facts: NeverBlockFacts,
  limits: ListLimits,
): (source: Source) => RefusalReason | undefined {
  // Addresses are looked up; only networks are compared with each source, one by one.
  const { sources, networks } = splitAllow(facts.allow);
  const isNeverBlocked = neverBlockRule({ ...facts, allow: networks });
  // A network may hold any of the addresses: it is compared with all of them, and lists hold few of its kind.
  const isNetworkNeverBlocked = neverBlockRule(facts);
  return (source) => {
    const refusal = widthRefusal(source, limits) ?? (sources.has(source) ? 'allow list' : undefined);
    if (refusal !== undefined) return refusal;
    return isNetwork(source) ? isNetworkNeverBlocked(source) : isNeverBlocked(source);
  };
}

/** The allow list as the single sources that overlap its addresses, and its networks. */
function splitAllow(allow: readonly Cidr[]): { sources: ReadonlySet<Source>; networks: readonly Cidr[] } {
  const sources = new Set<Source>();
  const networks: Cidr[] = [];
  for (const entry of allow) {
    const source = parseSource(entry) ?? entry;
    if (source.includes('/')) networks.push(entry);
    else {
      sources.add(source);
      if (familyOf(source) === 6) sources.add(cidrOf(source, 64));
    }
  }
  return { sources, networks };
}

/** Reads the canonical text as it is, which the schema has checked: parsing 100,000 addresses again takes a second. */
function widthRefusal(source: Source, { minPrefix4, minPrefix6 }: ListLimits): RefusalReason | undefined {
  const isIpv4 = !source.includes(':');
  const [, tail] = source.split('/');
  const length = tail === undefined ? (isIpv4 ? 32 : 128) : Number(tail);
  if (length < (isIpv4 ? minPrefix4 : minPrefix6)) return 'too wide';
  return !isIpv4 && length > 64 && length < 128 ? 'no single source' : undefined;
}

/** Whether a source is wider than a single one, by its canonical text. */
function isNetwork(source: Source): boolean {
  return source.includes('/') && !(source.includes(':') && source.endsWith('/64'));
}
