import { addressAt } from './address.ts';
import { decodeIp } from './ip.ts';
import type { QuotedHead, Segment } from './packet.ts';
import { PROTOCOL } from './protocols.ts';
import { u16 } from './read.ts';

/** Both ports. */
const PORTS_BYTES = 4;

/** A TCP header up to and with the flags. */
const TCP_FLAGS_END = 14;

/** An SCTP common header (RFC 9260 section 3.1), and the type of the first chunk behind it. */
const SCTP_HEADER_BYTES = 12;

/** An ICMP header: what an error quotes comes behind it. */
const ICMP_HEADER_BYTES = 8;

/** ICMP errors (RFC 792): unreachable, source quench, redirect, time exceeded, parameter problem. */
const ICMP_ERRORS: ReadonlySet<number> = new Set([3, 4, 5, 11, 12]);

/** ICMPv6 errors are all types below this (RFC 4443 section 2.1). */
const ICMP6_ERRORS_END = 128;

/** Where a transport header stands. */
export interface SegmentRange {
  readonly version: 4 | 6;
  readonly protocol: number;
  readonly start: number;
  readonly end: number;
}

/**
 * Reads what detection needs of a transport header: the least that it takes, since a capture may have cut the rest.
 *
 * @returns undefined when even that is missing
 */
export function decodeSegment(bytes: Uint8Array, range: SegmentRange): Segment | undefined {
  const { version, protocol, start, end } = range;
  const length = end - start;
  if (protocol === PROTOCOL.tcp) {
    if (length < TCP_FLAGS_END) return undefined;
    return { kind: 'tcp', ...ports(bytes, start), flags: bytes[start + 13] ?? 0 };
  }
  if (protocol === PROTOCOL.udp) {
    return length < PORTS_BYTES ? undefined : { kind: 'udp', ...ports(bytes, start) };
  }
  if (protocol === PROTOCOL.sctp) {
    if (length < PORTS_BYTES) return undefined;
    const chunk = length > SCTP_HEADER_BYTES ? bytes[start + SCTP_HEADER_BYTES] : undefined;
    return { kind: 'sctp', ...ports(bytes, start), chunk };
  }
  if (protocol === (version === 4 ? PROTOCOL.icmp : PROTOCOL.icmp6)) return icmp(bytes, range);
  return { kind: 'other' };
}

function ports(bytes: Uint8Array, start: number): { sourcePort: number; port: number } {
  return { sourcePort: u16(bytes, start), port: u16(bytes, start + 2) };
}

function icmp(bytes: Uint8Array, { version, start, end }: SegmentRange): Segment | undefined {
  if (end - start < 2) return undefined;
  const [type, code] = [bytes[start] ?? 0, bytes[start + 1] ?? 0];
  const isError = version === 4 ? ICMP_ERRORS.has(type) : type < ICMP6_ERRORS_END;
  const quoted = isError ? quotedHead(bytes.subarray(start + ICMP_HEADER_BYTES, end)) : undefined;
  return quoted === undefined ? { kind: 'icmp', type, code } : { kind: 'icmp', type, code, quoted };
}

/** The packet that an ICMP error is about. As little as eight bytes of its transport header are there (RFC 792). */
function quotedHead(bytes: Uint8Array): QuotedHead | undefined {
  const ip = decodeIp(bytes);
  if (ip === undefined || (ip.fragment?.offset ?? 0) !== 0) return undefined;
  const { version, protocol, addresses, start, end } = ip;
  const head = {
    source: addressAt(bytes, addresses, version),
    destination: addressAt(bytes, addresses + (version === 4 ? 4 : 16), version),
    protocol,
  };
  const hasPorts = protocol === PROTOCOL.tcp || protocol === PROTOCOL.udp || protocol === PROTOCOL.sctp;
  return hasPorts && end - start >= PORTS_BYTES ? { ...head, ...ports(bytes, start) } : head;
}
