import type { Address } from '@picket/protocol';
import type { Checksum } from './checksum.ts';

/** Where a packet was seen, as far as the link layer tells. */
export interface Link {
  /**
   * `in`: it came to this host; `out`: this host sent it. Only cooked captures (SLL), pflog, IPNET and the marks of
   * pcapng tell.
   */
  readonly direction: 'in' | 'out' | 'unknown';
  /** Whom the frame was for. `other`: another machine's frame, seen because the interface is promiscuous. */
  readonly cast: 'unicast' | 'broadcast' | 'multicast' | 'other' | 'unknown';
  /** Index of the interface where the capture tells (SLL2, IPNET), name where it does (pflog, pcapng). */
  readonly interfaceIndex?: number;
  readonly interfaceName?: string;
}

/** What detection reads of a packet above IP. */
export type Segment =
  | { readonly kind: 'tcp'; readonly sourcePort: number; readonly port: number; readonly flags: number }
  | { readonly kind: 'udp'; readonly sourcePort: number; readonly port: number }
  /** `chunk`: type of the first chunk (RFC 9260 section 3.2), undefined when the packet ends before it. */
  | {
      readonly kind: 'sctp';
      readonly sourcePort: number;
      readonly port: number;
      readonly chunk: number | undefined;
    }
  /** ICMP over IPv4 and ICMPv6 over IPv6; `quoted` is what an error quotes, as far as it could be read. */
  | { readonly kind: 'icmp'; readonly type: number; readonly code: number; readonly quoted?: QuotedHead }
  | { readonly kind: 'other' };

/** The head of the packet that an ICMP error quotes; it ends before the flags of TCP. */
export interface QuotedHead {
  readonly source: Address;
  readonly destination: Address;
  readonly protocol: number;
  /** With TCP, UDP and SCTP, unless the quote ends before them. */
  readonly sourcePort?: number;
  readonly port?: number;
}

/** The head of an IP packet with what follows it. */
export interface IpHead {
  readonly source: Address;
  readonly destination: Address;
  /** IANA protocol number of what follows the IP header and its extension headers. */
  readonly protocol: number;
  readonly segment: Segment;
}

/** One whole IP packet, fragments put together as far as detection reads. */
export interface Packet extends IpHead {
  /** Unix time in ms, with fractions. */
  readonly atMs: number;
  readonly link: Link;
  /**
   * IPv4 header and transport checksum, as the arithmetic says. `bad` also when lengths inside do not fit; `unknown` when
   * the capture cut the packet, or the checksum is what a sender leaves for hardware to complete.
   */
  readonly checksum: Checksum;
}
