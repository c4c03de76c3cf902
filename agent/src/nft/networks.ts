import { type Cidr, familyOf, firstAddress, parseIp, prefixLength } from '@picket/protocol';

/** Addresses from one to another, both of them in it. */
interface Span {
  readonly from: bigint;
  readonly to: bigint;
}

/** What stands in a set of networks and should not, and whether it has all that should. */
export interface NetworksFault {
  readonly set: string;
  /** As people write them; a span where it is no network. */
  readonly foreign: readonly string[];
  readonly isLacking: boolean;
}

/** Networks that a host treats apart; see `firewall.ts`. */
interface Networks {
  readonly allow: readonly Cidr[];
  readonly onLink: readonly Cidr[];
  readonly siblings?: readonly Cidr[];
}

/** The sets of networks, and what each is to hold. */
export function networkSets(
  { allow, onLink, siblings = [] }: Networks,
  detects: boolean,
): { set: string; wanted: Cidr[] }[] {
  const of = (set: string, list: readonly Cidr[], family: 4 | 6) => ({
    set: `${set}${family}`,
    wanted: list.filter((network) => familyOf(network) === family),
  });
  const counted = [of('onlink', onLink, 6), of('sibling', siblings, 4), of('sibling', siblings, 6)];
  return [of('allow', allow, 4), of('allow', allow, 6), ...(detects ? counted : [])];
}

/**
 * Compares what `nft -j list set` tells of a set of networks with what it is to hold. Elements are compared as addresses:
 * the kernel joins networks that touch each other.
 *
 * @returns undefined when they are the same
 */
export function networksFault(set: string, json: string, wanted: readonly Cidr[]): NetworksFault | undefined {
  const listed = elementsOf(json);
  const [have, want] = [joined(listed.map(({ span }) => span)), joined(wanted.map(spanOf))];
  const foreign = listed.filter(({ span }) => !isCovered(span, want)).map(({ words }) => words);
  const isLacking = want.some((span) => !isCovered(span, have));
  return foreign.length > 0 || isLacking ? { set, foreign, isLacking } : undefined;
}

type ListedNetwork = string | { prefix: { addr: string; len: number } } | { range: [string, string] };
type Listed = ListedNetwork | { elem: { val: ListedNetwork } };

function elementsOf(json: string): { words: string; span: Span }[] {
  const { nftables = [] } = JSON.parse(json) as { nftables?: { set?: { elem?: Listed[] } }[] };
  return nftables.flatMap(({ set }) => (set?.elem ?? []).map(elementOf));
}

function elementOf(listed: Listed): { words: string; span: Span } {
  if (typeof listed === 'string') return { words: listed, span: spanOf(listed) };
  // With a comment of whoever put it there.
  if ('elem' in listed) return elementOf(listed.elem.val);
  if ('range' in listed) {
    const [from, to] = listed.range;
    return { words: `${from}-${to}`, span: { from: numberOf(from), to: numberOf(to) } };
  }
  const words = `${listed.prefix.addr}/${listed.prefix.len}`;
  return { words, span: spanOf(words) };
}

function spanOf(network: Cidr): Span {
  const from = numberOf(firstAddress(network));
  const bits = (familyOf(network) === 4 ? 32 : 128) - prefixLength(network);
  return { from, to: from + (1n << BigInt(bits)) - 1n };
}

function numberOf(address: string): bigint {
  const bytes = parseIp(address)?.toByteArray() ?? [];
  return bytes.reduce((sum, byte) => (sum << 8n) + BigInt(byte), 0n);
}

/** The same addresses in spans that neither touch nor overlap, in their order. */
function joined(spans: readonly Span[]): Span[] {
  const inOrder = spans.toSorted((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0));
  const all: Span[] = [];
  for (const span of inOrder) {
    const last = all.at(-1);
    if (last === undefined || span.from > last.to + 1n) all.push(span);
    else if (span.to > last.to) all.splice(-1, 1, { from: last.from, to: span.to });
  }
  return all;
}

function isCovered({ from, to }: Span, spans: readonly Span[]): boolean {
  return spans.some((span) => span.from <= from && to <= span.to);
}
