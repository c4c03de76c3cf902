import { addressAt } from './address.ts';
import { type Checksum, transportChecksum } from './checksum.ts';
import { type Head, reassembler } from './fragments.ts';
import { decodeIp, type IpHeader } from './ip.ts';
import { decodeLink, LINKTYPE } from './link.ts';
import type { Link, Packet } from './packet.ts';
import type { CapturedPacket } from './record-stream.ts';
import { decodeSegment } from './segment.ts';

/** What a packet decoder passed over. */
export interface PassedOver {
  /** Frames without IP: ARP and the like, and all of a link type that is not read. */
  readonly notIp: number;
  /** IP packets that are malformed, or cut before their ports. */
  readonly malformed: number;
  /** Fragmented datagrams given up before their heads were complete. */
  readonly fragments: number;
}

/** From captured frames to packets. */
export interface PacketDecoder {
  /** Reads one frame. Never throws. @returns undefined for what is passed over, and for fragments until they make a head */
  decode(captured: CapturedPacket): Packet | undefined;
  passedOver(): PassedOver;
}

/** A packet decoder; it holds fragments, so each capture has its own. */
export function packetDecoder(): PacketDecoder {
  const fragments = reassembler();
  let [notIp, malformed] = [0, 0];

  const headOf = (atMs: number, bytes: Uint8Array, ip: IpHeader): Head | undefined => {
    if (ip.fragment !== undefined) {
      return ip.checksum === 'bad' ? undefined : fragments.add(atMs, bytes, ip, ip.fragment);
    }
    const { version, protocol, start, end, total } = ip;
    return { bytes, version, protocol, start, end, isWhole: total === end };
  };

  return {
    passedOver: () => ({ notIp, malformed, fragments: fragments.forgotten }),
    decode(captured) {
      const frame = decodeLink(captured.linkType, captured.bytes);
      if (frame === undefined) return void notIp++;
      const ip = decodeIp(frame.ip);
      if (ip === undefined || (ip.total > ip.end && isUncut(captured))) return void malformed++;
      const head = headOf(captured.atMs, frame.ip, ip);
      if (head === undefined) return ip.fragment === undefined ? void malformed++ : undefined;
      const segment = decodeSegment(head.bytes, head);
      if (segment === undefined) return void malformed++;
      const { version, addresses } = ip;
      return {
        atMs: captured.atMs,
        link: linkOf(frame.link, captured),
        source: addressAt(frame.ip, addresses, version),
        destination: addressAt(frame.ip, addresses + (version === 4 ? 4 : 16), version),
        protocol: head.protocol,
        segment,
        checksum: checksumOf(frame.ip, ip, head),
      };
    },
  };
}

/** Whether a capture kept the whole frame. NFLOG cuts the packet inside its record and does not tell. */
function isUncut({ linkType, wireBytes, bytes }: CapturedPacket): boolean {
  return linkType !== LINKTYPE.nflog && wireBytes <= bytes.length;
}

function linkOf(link: Link, { interfaceName, direction }: CapturedPacket): Link {
  if (interfaceName === undefined && direction === undefined) return link;
  return {
    ...(interfaceName !== undefined && { interfaceName }),
    ...link,
    ...(direction !== undefined && { direction }),
  };
}

/** One bad checksum is enough; that of the transport is unknown while a part of it is missing. */
function checksumOf(bytes: Uint8Array, ip: IpHeader, head: Head): Checksum {
  if (ip.checksum === 'bad') return 'bad';
  if (!head.isWhole) return 'unknown';
  const pseudo = { bytes, addresses: ip.addresses, version: ip.version };
  const checksum = transportChecksum(head.bytes, head.start, head.end, head.protocol, pseudo);
  return checksum === 'good' ? ip.checksum : checksum;
}
