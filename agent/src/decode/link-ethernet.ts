import { type Frame, UNKNOWN_LINK } from './frame.ts';
import type { Link } from './packet.ts';
import { u16 } from './read.ts';

const ETHERNET_BYTES = 14;
const PPPOE_BYTES = 6;

const ETHERTYPE = { ipv4: 0x0800, ipv6: 0x86dd, pppoeSession: 0x8864 } as const;

/** PPP protocol numbers (RFC 1332, RFC 5072). */
const PPP = { ipv4: 0x0021, ipv6: 0x0057 } as const;

/** VLAN tags: 802.1Q, 802.1ad, and what was there before it. */
const TAGS: ReadonlySet<number> = new Set([0x8100, 0x88a8, 0x9100]);

/** Most VLAN tags stepped over: QinQ has two. */
const MAX_TAGS = 4;

// Frozen values instead of one object per packet.
const UNICAST: Link = { direction: 'unknown', cast: 'unicast' };
const MULTICAST: Link = { direction: 'unknown', cast: 'multicast' };
const BROADCAST: Link = { direction: 'unknown', cast: 'broadcast' };

/** LINKTYPE_ETHERNET: destination, source, EtherType. */
export function ethernet(bytes: Uint8Array): Frame | undefined {
  const ip = etherPayload(bytes, u16(bytes, 12), ETHERNET_BYTES);
  return ip && { link: castOf(bytes), ip };
}

/** By the destination: the lowest bit of its first byte marks a group (IEEE 802). */
function castOf(bytes: Uint8Array): Link {
  if (((bytes[0] ?? 0) & 1) === 0) return UNICAST;
  return u16(bytes, 0) === 0xffff && u16(bytes, 2) === 0xffff && u16(bytes, 4) === 0xffff
    ? BROADCAST
    : MULTICAST;
}

/** The IP packet behind an EtherType, VLAN tags and PPPoE stepped over. */
export function etherPayload(bytes: Uint8Array, etherType: number, from: number): Uint8Array | undefined {
  let [type, start] = [etherType, from];
  for (let tags = 0; TAGS.has(type); tags++) {
    if (tags === MAX_TAGS) return undefined;
    type = u16(bytes, start + 2);
    start += 4;
  }
  if (type === ETHERTYPE.ipv4) return ipOf(bytes, start, 4);
  if (type === ETHERTYPE.ipv6) return ipOf(bytes, start, 6);
  return type === ETHERTYPE.pppoeSession ? pppPayload(bytes, start + PPPOE_BYTES) : undefined;
}

/** What begins at an offset, if it is IP of that version: a stack goes by the link's word, and discards what belies it. */
export function ipOf(bytes: Uint8Array, start: number, version: 4 | 6): Uint8Array | undefined {
  return (bytes[start] ?? 0) >> 4 === version ? bytes.subarray(start) : undefined;
}

/** LINKTYPE_PPP and LINKTYPE_PPP_HDLC: the protocol, behind HDLC's address and control bytes where they are. */
export function ppp(bytes: Uint8Array): Frame | undefined {
  const ip = pppPayload(bytes, u16(bytes, 0) === 0xff03 ? 2 : 0);
  return ip && { link: UNKNOWN_LINK, ip };
}

/** LINKTYPE_PPP_ETHER: a PPPoE session header (RFC 2516), then PPP. */
export function pppoe(bytes: Uint8Array): Frame | undefined {
  const ip = pppPayload(bytes, PPPOE_BYTES);
  return ip && { link: UNKNOWN_LINK, ip };
}

/** The protocol is one byte where its first, odd byte says so (RFC 1661 section 6.5). */
function pppPayload(bytes: Uint8Array, start: number): Uint8Array | undefined {
  const isShort = ((bytes[start] ?? 0) & 1) === 1;
  const protocol = isShort ? (bytes[start] ?? 0) : u16(bytes, start);
  const at = start + (isShort ? 1 : 2);
  if (protocol === PPP.ipv4) return ipOf(bytes, at, 4);
  return protocol === PPP.ipv6 ? ipOf(bytes, at, 6) : undefined;
}

/** LINKTYPE_RAW, LINKTYPE_IPV4, LINKTYPE_IPV6: no link layer. */
export function raw(bytes: Uint8Array): Frame | undefined {
  return bytes.length === 0 ? undefined : { link: UNKNOWN_LINK, ip: bytes };
}
