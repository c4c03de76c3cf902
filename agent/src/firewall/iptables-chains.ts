import { parseIp } from '@picket/protocol';
import type { Place } from './entry-iptables.ts';

/** Most rules and networks that one message names. */
const MOST_NAMED = 3;

/** The rules of a chain, as iptables-save prints them, without counters. */
export function rulesIn(saved: string, chain: string): string[] {
  return linesOf(saved).filter((line) => line.startsWith(`-A ${chain} `));
}

/**
 * What others did to a place: to the call of its chain, or to the rules in it, of which each one and their order matters,
 * for a single rule before ours can let go whom we refuse. Undefined when all is as it was written.
 *
 * @param rules what was written into the chain
 */
export function placeFault(
  saved: string,
  { hook, chain }: Pick<Place, 'hook' | 'chain'>,
  rules: readonly string[],
): string | undefined {
  if (!linesOf(saved).includes(`-A ${hook} -j ${chain}`)) return `${hook} does not call ${chain} any more`;
  const [have, want] = [rulesIn(saved, chain), rules];
  const others = difference(have, want);
  if (others.length > 0) return `somebody wrote into it: ${named(others)}`;
  const gone = difference(want, have);
  if (gone.length > 0) return `gone from it: ${named(gone)}`;
  return have.every((rule, i) => canonical(rule) === canonical(want[i] ?? ''))
    ? undefined
    : `the rules of ${chain} stand in another order`;
}

/** What others did to a list of networks that are let go; undefined when it is as it was written, in whatever form. */
export function allowFault(
  set: string,
  told: readonly string[],
  allow: readonly string[],
): string | undefined {
  // A set holds each network once, however often it is allowed.
  const without = (list: readonly string[], others: readonly string[]) => {
    const keys = new Set(others.map(networkKey));
    return list.filter((network) => !keys.has(networkKey(network)));
  };
  const others = without(told, allow);
  if (others.length > 0) return `somebody wrote into ${set}: ${named(others)}`;
  const gone = without(allow, told);
  return gone.length > 0 ? `gone from ${set}: ${named(gone)}` : undefined;
}

/** The rules that are in the one list more often than in the other. */
function difference(list: readonly string[], without: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const key of without.map(canonical)) left.set(key, (left.get(key) ?? 0) + 1);
  return list.filter((rule) => {
    const key = canonical(rule);
    const count = left.get(key) ?? 0;
    left.set(key, count - 1);
    return count <= 0;
  });
}

/** Things in a message, a few of them. */
export function named(items: readonly string[]): string {
  const rest = items.length - MOST_NAMED;
  return `${items.slice(0, MOST_NAMED).join('; ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

function linesOf(saved: string): string[] {
  return saved.split('\n').map((line) => line.replace(/^\[\d+:\d+\] /, ''));
}

/** A rule in one form: versions name protocols and write networks each in its own way. */
function canonical(rule: string): string {
  return rule
    .replace(/ -p (?:icmpv6|58) /, ' -p ipv6-icmp ')
    .replace(/ --ctstate (\S+)/, (_, states: string) => ` --ctstate ${states.split(',').sort().join()}`)
    .replace(/ -s (\S+)/, (_, network: string) => {
      const key = networkKey(network);
      return key === '' ? '' : ` -s ${key}`;
    });
}

/** Nothing for a network of length 0: iptables prints no source for it. A mask that is no length stays as it is. */
function networkKey(network: string): string {
  const [head = '', tail] = network.split('/');
  const bytes = parseIp(head)?.toByteArray();
  if (bytes === undefined) return network;
  const length = tail ?? String(8 * bytes.length);
  return length === '0' ? '' : `${bytes.join('.')}/${length}`;
}
