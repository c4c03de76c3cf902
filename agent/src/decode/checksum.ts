import { crc32c } from './crc32c.ts';
import { PROTOCOL } from './protocols.ts';
import { u16, u32 } from './read.ts';

/** What the arithmetic of a checksum says. */
export type Checksum = 'good' | 'bad' | 'unknown';

/** Internet checksum (RFC 1071) of a range, added to `sum` and folded to 16 bits: 0xffff when it holds its own checksum. */
export function sum16(bytes: Uint8Array, start: number, end: number, sum = 0): number {
  let [total, at] = [sum, start];
  // 65,535 bytes add up to less than 2^31.
  for (; at + 1 < end; at += 2) total += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  if (at < end) total += (bytes[at] ?? 0) << 8;
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return total;
}

/** The addresses of the IP header that a transport checksum covers. */
export interface PseudoHeader {
  readonly bytes: Uint8Array;
  /** Offset of the source address; the destination follows it. */
  readonly addresses: number;
  readonly version: 4 | 6;
}

/**
 * Verifies the checksum of a whole transport segment. Lengths inside that do not fit are `bad` too: every stack discards
 * both. A field that holds what a sender leaves for hardware to complete is `unknown`: such packets come not only from
 * this host, but over virtual links from its guests and containers.
 */
export function transportChecksum(
  bytes: Uint8Array,
  start: number,
  end: number,
  protocol: number,
  pseudo: PseudoHeader,
): Checksum {
  const length = end - start;
  switch (protocol) {
    case PROTOCOL.tcp: {
      const headerBytes = ((bytes[start + 12] ?? 0) >> 4) * 4;
      if (length < 20 || headerBytes < 20 || headerBytes > length) return 'bad';
      return covered(bytes, start, end, 16, pseudoSum(pseudo, protocol, length));
    }
    case PROTOCOL.udp:
      return udp(bytes, start, end, pseudo);
    case PROTOCOL.icmp6:
      if (pseudo.version === 4) return 'good';
      return length < 4 ? 'bad' : covered(bytes, start, end, 2, pseudoSum(pseudo, protocol, length));
    case PROTOCOL.icmp:
      if (pseudo.version === 6) return 'good';
      return length >= 4 && sum16(bytes, start, end) === 0xffff ? 'good' : 'bad';
    case PROTOCOL.sctp:
      return sctp(bytes, start, end);
    default:
      return 'good';
  }
}

function udp(bytes: Uint8Array, start: number, end: number, pseudo: PseudoHeader): Checksum {
  const length = u16(bytes, start + 4);
  if (end - start < 8 || length < 8 || length > end - start) return 'bad';
  // None, which IPv6 does not allow (RFC 8200 section 8.1; tunnels aside).
  if (u16(bytes, start + 6) === 0) return pseudo.version === 4 ? 'good' : 'bad';
  return covered(bytes, start, start + length, 6, pseudoSum(pseudo, PROTOCOL.udp, length));
}

function sctp(bytes: Uint8Array, start: number, end: number): Checksum {
  if (end - start < 12) return 'bad';
  const field = u32(bytes, start + 8);
  // Zero is what Linux leaves for hardware to complete; RFC 9653 allows it too.
  if (field === 0) return 'unknown';
  const crc = crc32c(bytes, start, end, start + 8);
  // It stands with its lowest byte first.
  const swapped = ((crc & 0xff) << 24) | ((crc & 0xff00) << 8) | ((crc >>> 8) & 0xff00) | (crc >>> 24);
  return swapped >>> 0 === field ? 'good' : 'bad';
}

function covered(bytes: Uint8Array, start: number, end: number, field: number, pseudo: number): Checksum {
  if (sum16(bytes, start, end, pseudo) === 0xffff) return 'good';
  return u16(bytes, start + field) === pseudo ? 'unknown' : 'bad';
}

function pseudoSum({ bytes, addresses, version }: PseudoHeader, protocol: number, length: number): number {
  return sum16(bytes, addresses, addresses + (version === 4 ? 8 : 32), protocol + length);
}
