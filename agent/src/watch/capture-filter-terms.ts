import type { Address, PortRange } from '@picket/protocol';

/** Bytes of a packet in pcap-filter(7): `ip[9]` is the tenth byte from the beginning of the IPv4 header. */
export type Field = `${'ip' | 'ip6' | 'tcp' | 'udp' | 'sctp' | 'icmp'}[${string}]`;

/** Where a family has what a filter looks at, and what must be so before it may look. */
export interface Layout {
  readonly protocol: Field;
  /** Terms that are true of each transport alone. */
  readonly is: Readonly<Record<'tcp' | 'udp' | 'sctp' | 'icmp', string>>;
  readonly source: Readonly<Record<'tcp' | 'udp' | 'sctp', Field>>;
  readonly port: Readonly<Record<'tcp' | 'udp' | 'sctp', Field>>;
  readonly flags: Field;
  /** Type of the first chunk, which follows SCTP's header of 12 bytes (RFC 9260 section 3). */
  readonly chunk: Field;
}

/** IPv4: libpcap finds transport headers behind options, and looks for none in later fragments. */
export const IPV4: Layout = {
  protocol: 'ip[9]',
  is: { tcp: 'ip proto 6', udp: 'ip proto 17', sctp: 'ip proto 132', icmp: 'ip proto 1' },
  source: { tcp: 'tcp[0:2]', udp: 'udp[0:2]', sctp: 'sctp[0:2]' },
  port: { tcp: 'tcp[2:2]', udp: 'udp[2:2]', sctp: 'sctp[2:2]' },
  flags: 'tcp[13]',
  chunk: 'sctp[12]',
};

/** IPv6 without extension headers: `tcp[13]` and the like are of IPv4 alone. */
export const IPV6: Layout = {
  protocol: 'ip6[6]',
  is: { tcp: 'ip6[6] = 6', udp: 'ip6[6] = 17', sctp: 'ip6[6] = 132', icmp: 'ip6[6] = 58' },
  source: { tcp: 'ip6[40:2]', udp: 'ip6[40:2]', sctp: 'ip6[40:2]' },
  port: { tcp: 'ip6[42:2]', udp: 'ip6[42:2]', sctp: 'ip6[42:2]' },
  flags: 'ip6[53]',
  chunk: 'ip6[52]',
};

/** What never is true: no packet is so long. */
const NEVER = 'greater 262145';

/** Each term true. In pcap-filter(7) `and` and `or` bind equally, so every list has its parentheses. */
export function all(...terms: readonly string[]): string {
  return terms.length === 1 ? `${terms[0]}` : `(${terms.join(' and ')})`;
}

/** At least one term true. */
export function any(...terms: readonly string[]): string {
  if (terms.length === 0) return NEVER;
  return terms.length === 1 ? `${terms[0]}` : `(${terms.join(' or ')})`;
}

/** A field whose bits under the mask are the value. */
export function bits(field: Field, [mask, value]: readonly [number, number]): string {
  return `${field} & ${mask} = ${value}`;
}

/** A field in one of the ranges. `portrange` would say the same, but OpenBSD's libpcap does not know it. */
export function oneOf(field: Field, among: readonly PortRange[], most = 65_535): string {
  return any(
    ...among.map(([from, to]) => {
      if (from === to) return `${field} = ${from}`;
      if (from === 0) return `${field} <= ${to}`;
      return to === most ? `${field} >= ${from}` : all(`${field} >= ${from}`, `${field} <= ${to}`);
    }),
  );
}

/** One of the hosts; true of every packet when there are none. */
export function hosts(direction: 'src' | 'dst', addresses: readonly Address[]): string[] {
  return addresses.length === 0 ? [] : [any(...addresses.map((address) => `${direction} host ${address}`))];
}
