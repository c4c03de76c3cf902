import {
  type BlockEntry,
  type Cidr,
  familyOf,
  MAX_BLOCK_LIST_ENTRIES,
  MAX_SHARED_BLOCK_MS,
  type NeverBlockFacts,
  type NeverBlockReason,
  neverBlockRule,
  prefixLength,
  type Source,
} from '@picket/protocol';
import type { Clock } from './clock.ts';
import type { ListState } from './list-state.ts';

/** What a host takes from a shared list, whoever signs it. */
export interface ListLimits {
  readonly maxEntries: number;
  /** Widest source: shortest prefix of an IPv4 and of an IPv6 source. */
  readonly minPrefix4: number;
  readonly minPrefix6: number;
}

/** One IPv4 address, one IPv6 /64. */
export const DEFAULT_LIST_LIMITS: ListLimits = {
  maxEntries: MAX_BLOCK_LIST_ENTRIES,
  minPrefix4: 32,
  minPrefix6: 64,
};

/** Why an entry was not taken as it came; `too long` ones are cut to the longest allowed. */
export type RefusalReason = NeverBlockReason | 'too wide' | 'too many' | 'too long';

/** The list that this host will put in force; ends are in the host's clock. */
export interface AcceptedList {
  readonly version: number;
  readonly epoch: string | undefined;
  readonly entries: ReadonlyMap<Source, BlockEntry>;
  /** Addresses that no host of the network blocks. */
  readonly allow: readonly Cidr[];
  /** Entries that were refused or cut, by reason. */
  readonly refused: Readonly<Record<string, number>>;
}

/** Decides entry by entry. Ended entries are left out without a word: that is what ends are for. */
export function acceptList(
  state: ListState,
  { facts, limits, clock }: { facts: NeverBlockFacts; limits: ListLimits; clock: Clock },
): AcceptedList {
  const nowMs = clock.nowMs();
  const isNeverBlocked = neverBlockRule({ ...facts, allow: [...facts.allow, ...state.allow] });
  const entries = new Map<Source, BlockEntry>();
  const refused: Record<string, number> = {};
  const count = (reason: RefusalReason): void => {
    refused[reason] = (refused[reason] ?? 0) + 1;
  };
  for (const [source, untilMs, tier, reason] of state.entries.values()) {
    if (untilMs <= nowMs) continue;
    const refusal =
      widthRefusal(source, limits) ??
      isNeverBlocked(source) ??
      (entries.size >= limits.maxEntries ? 'too many' : undefined);
    if (refusal !== undefined) {
      count(refusal);
      continue;
    }
    const endMs = Math.min(untilMs, nowMs + MAX_SHARED_BLOCK_MS);
    if (endMs < untilMs) count('too long');
    entries.set(source, [source, Math.max(0, clock.toHostMs(endMs)), tier, reason]);
  }
  const { version, epoch, allow } = state;
  return { version, epoch, entries, allow, refused };
}

function widthRefusal(source: Source, { minPrefix4, minPrefix6 }: ListLimits): RefusalReason | undefined {
  const least = familyOf(source) === 4 ? minPrefix4 : minPrefix6;
  return prefixLength(source) < least ? 'too wide' : undefined;
}
