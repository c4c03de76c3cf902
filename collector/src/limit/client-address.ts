import { type Cidr, contains, parseAddress, type Source, sourceOf } from '@picket/protocol';

/** What an HTTP request says of where it comes from. */
export interface RequestOrigin {
  /** The other end of the connection. */
  readonly peer: string | undefined;
  /** `X-Forwarded-For`, where proxies append the address that they were asked from. */
  readonly forwardedFor: string | undefined;
}

/**
 * Whose limits a request counts against: the client's IPv4 address or IPv6 /64, since whoever has one address of a /64 has
 * all. `X-Forwarded-For` is read from its end, and only as far as proxies of our own wrote it: the rest is anybody's word.
 *
 * @returns undefined when the peer has no address: a Unix socket
 */
export function clientOf(
  { peer, forwardedFor }: RequestOrigin,
  proxies: readonly Cidr[],
): Source | undefined {
  let address = parseAddress(peer ?? '');
  if (address === undefined) return undefined;
  const hops = (forwardedFor ?? '').slice(-MAX_FORWARDED_LENGTH).split(',');
  while (isOneOf(proxies, address) && hops.length > 0) {
    const hop = parseAddress(withoutPort(hops.pop() ?? ''));
    if (hop === undefined) break;
    address = hop;
  }
  return sourceOf(address);
}

/** Longest end of `X-Forwarded-For` that is read, characters: two dozen proxies. */
const MAX_FORWARDED_LENGTH = 1000;

/** Whether the peer itself is a proxy of our own: its connections carry more than one client. */
export function isProxy(peer: string | undefined, proxies: readonly Cidr[]): boolean {
  const address = parseAddress(peer ?? '');
  return address !== undefined && isOneOf(proxies, address);
}

function isOneOf(proxies: readonly Cidr[], address: string): boolean {
  return proxies.some((proxy) => contains(proxy, address));
}

/** Some proxies write a port: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function withoutPort(hop: string): string {
  const match = /^\s*(?:\[([0-9a-f:.]+)\]|(\d[\d.]*))(?::\d{1,5})?\s*$/i.exec(hop);
  return match?.[1] ?? match?.[2] ?? hop.trim();
}
