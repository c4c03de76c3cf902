import { type Address, addressFromBytes } from '@picket/protocol';

/** What stands in front of a transport header. */
export interface IpPacket {
  readonly source: Address;
  readonly destination: Address;
  /** IANA protocol number of what follows. */
  readonly protocol: number;
  /** The transport header and what the capture holds after it. */
  readonly payload: Uint8Array;
}

const IPV4_HEADER_BYTES = 20;
const IPV6_HEADER_BYTES = 40;

/** IPv6 extension headers that are walked over (RFC 8200 section 4): hop-by-hop, routing, destination options. */
const WALKED = new Set([0, 43, 60]);
const FRAGMENT = 44;
const AUTHENTICATION = 51;

/** Most extension headers walked: a longer chain is no honest packet, and must not cost time. */
const MAX_EXTENSION_HEADERS = 8;

/**
 * Reads an IPv4 or IPv6 header. Never throws.
 *
 * @returns undefined for anything cut, malformed, or a fragment other than the first (it has no ports)
 */
export function decodeIp(bytes: Uint8Array): IpPacket | undefined {
  const version = (bytes[0] ?? 0) >> 4;
  if (version === 4) return decodeIpv4(bytes);
  return version === 6 ? decodeIpv6(bytes) : undefined;
}

function decodeIpv4(bytes: Uint8Array): IpPacket | undefined {
  const headerBytes = ((bytes[0] ?? 0) & 0x0f) * 4;
  if (headerBytes < IPV4_HEADER_BYTES || bytes.length < headerBytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if ((view.getUint16(6) & 0x1fff) !== 0) return undefined;
  return packet(
    bytes.subarray(12, 16),
    bytes.subarray(16, 20),
    view.getUint8(9),
    bytes.subarray(headerBytes),
  );
}

function decodeIpv6(bytes: Uint8Array): IpPacket | undefined {
  if (bytes.length < IPV6_HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let protocol = view.getUint8(6);
  let offset = IPV6_HEADER_BYTES;
  for (
    let walked = 0;
    WALKED.has(protocol) || protocol === FRAGMENT || protocol === AUTHENTICATION;
    walked++
  ) {
    if (walked === MAX_EXTENSION_HEADERS || offset + 8 > bytes.length) return undefined;
    if (protocol === FRAGMENT && view.getUint16(offset + 2) >> 3 !== 0) return undefined;
    const next = view.getUint8(offset);
    const words = view.getUint8(offset + 1);
    offset += protocol === FRAGMENT ? 8 : protocol === AUTHENTICATION ? (words + 2) * 4 : (words + 1) * 8;
    protocol = next;
  }
  if (offset > bytes.length) return undefined;
  return packet(bytes.subarray(8, 24), bytes.subarray(24, 40), protocol, bytes.subarray(offset));
}

function packet(
  from: Uint8Array,
  to: Uint8Array,
  protocol: number,
  payload: Uint8Array,
): IpPacket | undefined {
  const [source, destination] = [addressFromBytes(from), addressFromBytes(to)];
  return source === undefined || destination === undefined
    ? undefined
    : { source, destination, protocol, payload };
}
