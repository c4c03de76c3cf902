import { type Address, isDotted, parseIp } from './address.ts';
import { type Cidr, prefixLength } from './cidr.ts';
import { firstAddress, type Source } from './source.ts';

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
  /** Where authenticated sessions on this host come from; only a host itself knows. */
  readonly sessions?: readonly Address[];
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
  | 'allow list'
  | 'session';

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

/** The special-purpose networks that are never blocked, whatever else is known. */
export const NEVER_BLOCKED: readonly Cidr[] = SPECIAL.map(([cidr]) => cidr);

/** Facts of a host or network of which nothing is known. */
export const NO_FACTS: NeverBlockFacts = { own: [], gateways: [], resolvers: [], collectors: [], allow: [] };

/**
 * Whether a source must never be blocked, and why. A source that merely overlaps a protected address (a /64 with the
 * gateway in it) is protected whole: a missed block is cheap, a lock-out is not.
 */
export function neverBlock(source: Source | Cidr, facts: NeverBlockFacts): NeverBlockReason | undefined {
  const known = rules.get(facts);
  const rule = known ?? neverBlockRule(facts);
  if (known === undefined) rules.set(facts, rule);
  return rule(source);
}

/** Rules by the facts they were made of, which nobody changes: to read an allow list takes longer than to ask it. */
const rules = new WeakMap<NeverBlockFacts, ReturnType<typeof neverBlockRule>>();

/** {@link neverBlock} for many sources under the same facts: what is protected is read once. */
export function neverBlockRule(
  facts: NeverBlockFacts,
): (source: Source | Cidr) => NeverBlockReason | undefined {
  const protect = (reason: NeverBlockReason, entries: readonly string[]) =>
    entries.map((entry) => ({ reason, span: spanOf(entry) }));
  const protectedSpans = [
    ...SPECIAL.flatMap(([cidr, reason]) => protect(reason, [cidr])),
    ...protect('allow list', facts.allow),
    ...protect('own address', facts.own),
    ...protect('gateway', facts.gateways),
    ...protect('resolver', facts.resolvers),
    ...protect('collector', facts.collectors),
    ...protect('session', facts.sessions ?? []),
  ];
  const ofBits = (bits: number) => protectedSpans.filter(({ span }) => span.bits === bits);
  const protectedOf = { 32: ofBits(32), 128: ofBits(128) };
  return (source) => {
    const { bits, first, last } = spanOf(source);
    return protectedOf[bits].find(({ span }) => span.first <= last && first <= span.last)?.reason;
  };
}

/** All addresses of a network as numbers, of IPv4 as plain ones; the width tells the families apart. */
interface Span {
  readonly bits: 32 | 128;
  readonly first: bigint | number;
  readonly last: bigint | number;
}

function spanOf(cidr: Cidr | Address): Span {
  const text = firstAddress(cidr);
  if (isDotted(text)) return span4(text, prefixLength(cidr));
  const ip = parseIp(text);
  if (ip === undefined) throw new TypeError(`"${cidr}" is no address and no CIDR`);
  const bits = ip.kind() === 'ipv4' ? 32 : 128;
  const hex = ip.toByteArray().map((byte) => byte.toString(16).padStart(2, '0'));
  const hostBits = BigInt(bits - prefixLength(cidr));
  const first = (BigInt(`0x${hex.join('')}`) >> hostBits) << hostBits;
  return { bits, first, last: first + (1n << hostBits) - 1n };
}

/** A list is of a hundred thousand addresses, and mostly of these. */
function span4(dotted: Address, length: number): Span {
  const value = dotted.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
  const size = 2 ** (32 - length);
  const first = Math.floor(value / size) * size;
  return { bits: 32, first, last: first + size - 1 };
}
