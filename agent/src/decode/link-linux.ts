import { type Frame, UNKNOWN_LINK } from './frame.ts';
import { etherPayload } from './link-ethernet.ts';
import { decodeNflog } from './nflog.ts';
import type { Link } from './packet.ts';
import { u16, u32 } from './read.ts';

const SLL_BYTES = 16;
const SLL2_BYTES = 20;

type Told = Pick<Link, 'direction' | 'cast'>;

/** Packet types of packet(7): to this host, broadcast, multicast, to another host, from this host. */
const TOLD: readonly Told[] = [
  { direction: 'in', cast: 'unicast' },
  { direction: 'in', cast: 'broadcast' },
  { direction: 'in', cast: 'multicast' },
  { direction: 'in', cast: 'other' },
  { direction: 'out', cast: 'unknown' },
];

/** LINKTYPE_LINUX_SLL: packet type, hardware type, address length, address, protocol. */
export function sll(bytes: Uint8Array): Frame | undefined {
  const ip = etherPayload(bytes, u16(bytes, 14), SLL_BYTES);
  return ip && { link: TOLD[u16(bytes, 0)] ?? UNKNOWN_LINK, ip };
}

/** LINKTYPE_LINUX_SLL2: protocol, reserved, interface index, hardware type, packet type, address length, address. */
export function sll2(bytes: Uint8Array): Frame | undefined {
  const ip = etherPayload(bytes, u16(bytes, 0), SLL2_BYTES);
  if (ip === undefined) return undefined;
  const { direction, cast } = TOLD[bytes[10] ?? 0xff] ?? UNKNOWN_LINK;
  return { link: { direction, cast, interfaceIndex: u32(bytes, 4) }, ip };
}

/** LINKTYPE_NFLOG: one record of nfnetlink_log. */
export function nflog(bytes: Uint8Array): Frame | undefined {
  const record = decodeNflog(bytes);
  return record && { link: UNKNOWN_LINK, ip: record.payload };
}
