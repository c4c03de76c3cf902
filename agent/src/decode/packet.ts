import type { Address } from '@picket/protocol';

/** Where a packet was seen, as far as the link layer tells. */
export interface Link {
  /** `in`: it came to this host; `out`: this host sent it. Only cooked captures (SLL) and PF_PACKET tell. */
  readonly direction: 'in' | 'out' | 'unknown';
  /** Whom the frame was for. `other`: another machine's frame, seen because the interface is promiscuous. */
  readonly cast: 'unicast' | 'broadcast' | 'multicast' | 'other' | 'unknown';
  /** Index of the interface where the capture tells (SLL2), name where it does (pflog, pcapng). */
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
  /** ICMP and ICMPv6; `quoted` is what an error quotes, as far as it could be read. */
  | { readonly kind: 'icmp'; readonly type: number; readonly code: number; readonly quoted?: IpHead }
  | { readonly kind: 'other' };

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
  /** IPv4 header and transport checksum; `unknown` when the capture cut the packet, or the sender left it to hardware. */
  readonly checksum: 'good' | 'bad' | 'unknown';
}
