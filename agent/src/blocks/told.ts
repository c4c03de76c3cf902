import {
  type Address,
  type BlockEntry,
  NO_FACTS,
  neverBlockRule,
  type Sighting,
  type Source,
  type Unblock,
} from '@picket/protocol';
import type { SharedBlock } from '../firewall/firewall.ts';
import { tierFor } from '../policy/derive.ts';
import type { Policy } from '../policy/policy.ts';
import type { BookedBlock } from './book.ts';

/** An address that others may have asked for: neither loopback nor link-local where there is another. */
export function reachableAddress(own: readonly Address[]): Address {
  const ruleOut = neverBlockRule(NO_FACTS);
  return own.find((address) => ruleOut(address) === undefined) ?? own[0] ?? '::';
}

/** An entry that goes before its time was lifted by a person: then the host's own block of that source goes too. */
export function isLifted(entry: SharedBlock | undefined, nowMs: number): boolean {
  return entry !== undefined && entry.untilMs > nowMs + 5_000;
}

/** Words to the collector that a block ended before its time. */
export function unblocks(sources: Iterable<Source>, atMs: number, reason: string): Unblock[] {
  return [...sources].map((source) => ({ source, atMs, reason }));
}

/** An entry of the network's list as this host's policy takes it. */
export function toShared([source, untilMs, tier]: BlockEntry, policy: Policy): SharedBlock {
  const isProven = tier === 'dropped';
  return { source, untilMs, tier: tierFor(policy, isProven), isProven };
}

/**
 * What of the network's list is in force here, by source: not what a person lifted, and under `block.evidence` =
 * "handshake" only what is proven, since an address that may be forged must hold against nobody.
 *
 * @param isLifted whether a person lifted the block of a source
 */
export function takenShared(
  entries: Iterable<BlockEntry>,
  policy: Policy,
  isLifted: (source: Source) => boolean,
): Map<Source, SharedBlock> {
  const mayBlock = ({ isProven }: SharedBlock) => policy.block.evidence !== 'handshake' || isProven === true;
  const all = [...entries].map((entry) => toShared(entry, policy));
  const taken = all.filter((block) => mayBlock(block) && !isLifted(block.source));
  return new Map(taken.map((block) => [block.source, block]));
}

/** A local block as a sighting tells it. */
export function describeBlock(
  block: BookedBlock,
  by: { engine: string; backend: string; enforced: boolean },
): NonNullable<Sighting['block']> {
  const { atMs, untilMs, tier, droppedPackets } = block;
  return { atMs: Math.round(atMs), untilMs: Math.round(untilMs), tier, ...by, droppedPackets };
}
