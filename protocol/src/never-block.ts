import type { Address } from './address.ts';
import { type Cidr, overlaps } from './cidr.ts';
import type { Source } from './source.ts';

/** What a host or a network knows of addresses that must never be blocked. */
export interface NeverBlockFacts {
  /** Addresses of this host, on any interface. */
  readonly own: readonly Address[];
  readonly gateways: readonly Address[];
  readonly resolvers: readonly Address[];
  /** Addresses the collector answers on. */
  readonly collectors: readonly Address[];
  /** The policy's or the network's allow list. */
  readonly allow: readonly Cidr[];
}

/** Why a source is never blocked. */
export type NeverBlockReason =
  | 'loopback'
  | 'link-local'
  | 'multicast'
  | 'unspecified'
  | 'broadcast'
  | 'own address'
  | 'gateway'
  | 'resolver'
  | 'collector'
  | 'allow list';

/** Address blocks that name no single remote machine. RFC 6890 (special purpose), RFC 4291 section 2.4. */
const SPECIAL: readonly (readonly [Cidr, NeverBlockReason])[] = [
  ['127.0.0.0/8', 'loopback'],
  ['::1/128', 'loopback'],
  ['169.254.0.0/16', 'link-local'],
  ['fe80::/10', 'link-local'],
  ['224.0.0.0/4', 'multicast'],
  ['ff00::/8', 'multicast'],
  ['0.0.0.0/8', 'unspecified'],
  ['::/128', 'unspecified'],
  ['255.255.255.255/32', 'broadcast'],
];

/** Facts of a host or network of which nothing is known. */
export const NO_FACTS: NeverBlockFacts = { own: [], gateways: [], resolvers: [], collectors: [], allow: [] };

/**
 * Whether a source must never be blocked, and why. A source that merely overlaps a protected address (a /64 with the
 * gateway in it) is protected whole: a missed block is cheap, a lock-out is not.
 */
export function neverBlock(source: Source | Cidr, facts: NeverBlockFacts): NeverBlockReason | undefined {
  const lists: readonly (readonly [readonly string[], NeverBlockReason])[] = [
    [facts.allow, 'allow list'],
    [facts.own, 'own address'],
    [facts.gateways, 'gateway'],
    [facts.resolvers, 'resolver'],
    [facts.collectors, 'collector'],
  ];
  const special = SPECIAL.find(([cidr]) => overlaps(cidr, source));
  if (special !== undefined) return special[1];
  return lists.find(([entries]) => entries.some((entry) => overlaps(entry, source)))?.[1];
}
