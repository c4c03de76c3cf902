import { isMappedAt } from './address.ts';
import { type Checksum, sum16 } from './checksum.ts';
import { u16, u32 } from './read.ts';

/** What a fragment says of its place in the datagram. */
export interface Fragment {
  /** 16 bits with IPv4, 32 with IPv6. */
  readonly id: number;
  /** Where its bytes belong in the datagram's payload. */
  readonly offset: number;
  readonly isLast: boolean;
}

/** An IP header: offsets into the bytes it was read from. */
export interface IpHeader {
  readonly version: 4 | 6;
  /** Offset of the source address; the destination follows it. */
  readonly addresses: number;
  /** IANA protocol number of what follows the header and, with IPv6, its extension headers. */
  readonly protocol: number;
  /** Where that begins. */
  readonly start: number;
  /** Where the packet or its captured part ends: what comes behind is padding of the link. */
  readonly end: number;
  /** Where it ends by its own word: past `end` when the capture cut it. */
  readonly total: number;
  /** Of the header alone; IPv6 has none. A zero is what some systems leave for hardware to complete. */
  readonly checksum: Checksum;
  /** Undefined for a whole datagram, and for an atomic fragment (RFC 6946), which is one. */
  readonly fragment: Fragment | undefined;
}

const IPV4_HEADER_BYTES = 20;
const IPV6_HEADER_BYTES = 40;

/** IPv6 extension headers that are walked over (RFC 8200 section 4), the same that Linux walks. */
const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const AUTHENTICATION = 51;
const DESTINATION_OPTIONS = 60;

/** Most extension headers walked: a longer chain is no honest packet, and must not cost time. */
const MAX_EXTENSION_HEADERS = 8;

/**
 * Reads an IPv4 or IPv6 header. Never throws.
 *
 * @returns undefined for anything malformed, cut before its transport header, a jumbogram (RFC 2675), or IPv6 between
 *   IPv4-mapped addresses, which would accuse an IPv4 host of what came over IPv6
 */
export function decodeIp(bytes: Uint8Array): IpHeader | undefined {
  const version = (bytes[0] ?? 0) >> 4;
  if (version === 4) return decodeIpv4(bytes);
  return version === 6 ? decodeIpv6(bytes) : undefined;
}

function decodeIpv4(bytes: Uint8Array): IpHeader | undefined {
  const headerBytes = ((bytes[0] ?? 0) & 0x0f) * 4;
  const total = u16(bytes, 2);
  if (headerBytes < IPV4_HEADER_BYTES || bytes.length < headerBytes || total < headerBytes) return undefined;
  const place = u16(bytes, 6);
  const [offset, isLast] = [(place & 0x1fff) * 8, (place & 0x2000) === 0];
  return {
    version: 4,
    addresses: 12,
    protocol: bytes[9] ?? 0,
    start: headerBytes,
    end: Math.min(total, bytes.length),
    total,
    checksum: headerChecksum(bytes, headerBytes),
    fragment: offset === 0 && isLast ? undefined : { id: u16(bytes, 4), offset, isLast },
  };
}

function headerChecksum(bytes: Uint8Array, headerBytes: number): Checksum {
  if (sum16(bytes, 0, headerBytes) === 0xffff) return 'good';
  return u16(bytes, 10) === 0 ? 'unknown' : 'bad';
}

function decodeIpv6(bytes: Uint8Array): IpHeader | undefined {
  if (bytes.length < IPV6_HEADER_BYTES || isMappedAt(bytes, 8) || isMappedAt(bytes, 24)) return undefined;
  const [payload, next] = [u16(bytes, 4), bytes[6] ?? 0];
  if (payload === 0 && next === HOP_BY_HOP) return undefined;
  const total = IPV6_HEADER_BYTES + payload;
  const end = Math.min(total, bytes.length);
  const chain = walkExtensions(bytes, next, IPV6_HEADER_BYTES, end);
  if (chain === undefined) return undefined;
  const { protocol, start, fragment } = chain;
  return { version: 6, addresses: 8, protocol, start, end, total, checksum: 'good', fragment };
}

/** What stands behind a chain of extension headers. */
interface Chain {
  readonly protocol: number;
  readonly start: number;
  readonly fragment: Fragment | undefined;
}

/**
 * Walks over IPv6 extension headers, up to a fragment header that is not atomic: what follows that one may be in another
 * packet.
 *
 * @returns undefined when the chain is cut or too long
 */
export function walkExtensions(
  bytes: Uint8Array,
  first: number,
  from: number,
  end: number,
): Chain | undefined {
  let [protocol, start] = [first, from];
  for (let walked = 0; isExtension(protocol); walked++) {
    if (walked === MAX_EXTENSION_HEADERS || start + 8 > end) return undefined;
    const next = bytes[start] ?? 0;
    const fragment = protocol === FRAGMENT ? fragmentAt(bytes, start) : undefined;
    if (fragment !== undefined) return { protocol: next, start: start + 8, fragment };
    start += extensionBytes(protocol, bytes[start + 1] ?? 0);
    protocol = next;
  }
  return start > end ? undefined : { protocol, start, fragment: undefined };
}

function isExtension(protocol: number): boolean {
  return (
    protocol === HOP_BY_HOP ||
    protocol === ROUTING ||
    protocol === FRAGMENT ||
    protocol === AUTHENTICATION ||
    protocol === DESTINATION_OPTIONS
  );
}

/** Undefined for an atomic fragment. */
function fragmentAt(bytes: Uint8Array, at: number): Fragment | undefined {
  const place = u16(bytes, at + 2);
  const [offset, isLast] = [place & 0xfff8, (place & 1) === 0];
  return offset === 0 && isLast ? undefined : { id: u32(bytes, at + 4), offset, isLast };
}

function extensionBytes(protocol: number, length: number): number {
  if (protocol === FRAGMENT) return 8;
  return protocol === AUTHENTICATION ? (length + 2) * 4 : (length + 1) * 8;
}
