import { parseV4, parseV6 } from './addresses.ts';

/** A transport segment: its protocol number and bytes, with a zero checksum field at `checksumAt` when it has one. */
export type Segment = { protocol: number; bytes: Buffer; checksumAt?: number };

const FRAGMENT_BYTES = 24;

export type Head = {
  /** MAC addresses, `aa:bb:…`. */
  fromMac: string;
  toMac: string;
  from: string;
  to: string;
};

/** A TCP segment, without data unless told. Flags as in RFC 9293 section 3.1: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32. */
export function tcp(fromPort: number, toPort: number, flags = 2, dataBytes = 0): Segment {
  const bytes = Buffer.alloc(20 + dataBytes);
  bytes.writeUInt16BE(fromPort, 0);
  bytes.writeUInt16BE(toPort, 2);
  bytes.writeUInt32BE(((fromPort << 16) | toPort) >>> 0, 4);
  bytes.writeUInt8(5 << 4, 12);
  bytes.writeUInt8(flags, 13);
  bytes.writeUInt16BE(1024, 14);
  return { protocol: 6, bytes, checksumAt: 16 };
}

/** One Ethernet frame. `options`: an IPv6 Destination Options header stands before the segment (RFC 8200 section 4.6). */
export function frame(head: Head, segment: Segment, { options = false } = {}): Buffer {
  const isV6 = head.from.includes(':');
  const payload = withChecksum(head, segment, isV6);
  const mac = (text: string) => Buffer.from(text.replaceAll(':', ''), 'hex');
  const type = Buffer.from(isV6 ? '86dd' : '0800', 'hex');
  const ip = isV6 ? v6(head, segment.protocol, payload, options) : v4(head, segment.protocol, payload);
  return Buffer.concat([mac(head.toMac), mac(head.fromMac), type, ip]);
}

function v4({ from, to }: Head, protocol: number, payload: Buffer): Buffer {
  const ip = Buffer.alloc(20);
  ip.writeUInt8(0x45, 0);
  ip.writeUInt16BE(20 + payload.length, 2);
  ip.writeUInt8(64, 8);
  ip.writeUInt8(protocol, 9);
  parseV4(from).copy(ip, 12);
  parseV4(to).copy(ip, 16);
  ip.writeUInt16BE(checksum(ip), 10);
  return Buffer.concat([ip, payload]);
}

/** PadN of four bytes fills the header to its least length, eight bytes. */
const DESTINATION_OPTIONS = [0x00, 0x01, 0x04, 0x00, 0x00, 0x00, 0x00] as const;

function v6({ from, to }: Head, protocol: number, payload: Buffer, options: boolean): Buffer {
  const ip = Buffer.alloc(40);
  const extension = options ? Buffer.from([protocol, ...DESTINATION_OPTIONS]) : Buffer.alloc(0);
  ip.writeUInt32BE(0x60000000, 0);
  ip.writeUInt16BE(extension.length + payload.length, 4);
  ip.writeUInt8(options ? 60 : protocol, 6);
  ip.writeUInt8(64, 7);
  parseV6(from).copy(ip, 8);
  parseV6(to).copy(ip, 24);
  return Buffer.concat([ip, extension, payload]);
}

function withChecksum({ from, to }: Head, { protocol, bytes, checksumAt }: Segment, isV6: boolean): Buffer {
  if (checksumAt === undefined) return bytes;
  const tail = Buffer.alloc(8);
  tail.writeUInt32BE(bytes.length, 0);
  tail.writeUInt32BE(protocol, 4);
  // The sums of both pseudo headers are the same: length and protocol, padded with zeroes (RFC 9293, RFC 8200).
  const addresses = isV6 ? [parseV6(from), parseV6(to)] : [parseV4(from), parseV4(to)];
  const segment = Buffer.from(bytes);
  segment.writeUInt16BE(checksum(Buffer.concat([...addresses, tail, bytes])), checksumAt);
  return segment;
}

/** The Internet checksum (RFC 1071). */
export function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let i = 0; i + 1 < bytes.length; i += 2) sum += bytes.readUInt16BE(i);
  if (bytes.length % 2 === 1) sum += bytes.readUInt8(bytes.length - 1) << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/**
 * A capture file of Ethernet frames.
 *
 * @param atUs when each is to be sent, µs; without it all are at time zero, and who plays them says how fast
 */
export function pcap(frames: readonly Buffer[], atUs: readonly number[] = []): Buffer {
  const file = Buffer.alloc(24);
  file.writeUInt32LE(0xa1b2c3d4, 0);
  file.writeUInt16LE(2, 4);
  file.writeUInt16LE(4, 6);
  file.writeUInt32LE(65_535, 16);
  file.writeUInt32LE(1, 20);
  const records = frames.flatMap((bytes, i) => {
    const head = Buffer.alloc(16);
    const us = Math.round(atUs[i] ?? 0);
    head.writeUInt32LE(Math.floor(us / 1_000_000), 0);
    head.writeUInt32LE(us % 1_000_000, 4);
    head.writeUInt32LE(bytes.length, 8);
    head.writeUInt32LE(bytes.length, 12);
    return [head, bytes];
  });
  return Buffer.concat([file, ...records]);
}

/**
 * A segment in IPv6 fragments of 24 bytes, which is the least: the first must hold the whole TCP header (RFC 8200
 * section 4.5), and Linux refuses it otherwise.
 */
export function fragments(head: Head, segment: Segment, id: number): Buffer[] {
  const whole = withChecksum(head, segment, true);
  const count = Math.ceil(whole.length / FRAGMENT_BYTES);
  return Array.from({ length: count }, (_, i) => {
    const fragment = Buffer.alloc(8);
    fragment.writeUInt8(segment.protocol, 0);
    fragment.writeUInt16BE((i * FRAGMENT_BYTES) | (i < count - 1 ? 1 : 0), 2);
    fragment.writeUInt32BE(id, 4);
    const bytes = Buffer.concat([fragment, whole.subarray(i * FRAGMENT_BYTES, (i + 1) * FRAGMENT_BYTES)]);
    return frame(head, { protocol: 44, bytes });
  });
}
