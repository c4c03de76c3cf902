import type { Technique, Transport } from '@picket/protocol';
import type { Probe } from '../detect/probe.ts';
import { sctpTechnique, tcpTechnique } from '../detect/technique.ts';
import { addressAt } from './address.ts';
import { decodeIp, type IpHeader, walkExtensions } from './ip.ts';
import type { Segment } from './packet.ts';
import { PROTOCOL } from './protocols.ts';
import { decodeSegment, type SegmentRange } from './segment.ts';

/**
 * Reads a packet that the kernel's table took for a probe, from its IP header on. It was put together from its fragments
 * then, but may be cut. Never throws.
 *
 * @param atMs time of the packet, ms
 * @returns undefined when the packet is cut, malformed, or made in no way that is known as a probe
 */
export function decodeProbe(bytes: Uint8Array, atMs: number): Probe | undefined {
  const ip = decodeIp(bytes);
  if (ip === undefined) return undefined;
  const range = segmentRange(bytes, ip);
  const segment = range && decodeSegment(bytes, range);
  const how = segment && technique(segment, range.protocol);
  if (how === undefined) return undefined;
  const { addresses, version } = ip;
  return {
    atMs,
    address: addressAt(bytes, addresses, version),
    localAddress: addressAt(bytes, addresses + (version === 4 ? 4 : 16), version),
    ...how,
    evidence: 'forgeable',
  };
}

/** Undefined for fragments other than the first, which have no ports. */
function segmentRange(bytes: Uint8Array, ip: IpHeader): SegmentRange | undefined {
  if (ip.fragment === undefined) return ip;
  if (ip.fragment.offset !== 0) return undefined;
  if (ip.version === 4) return ip;
  const chain = walkExtensions(bytes, ip.protocol, ip.start, ip.end);
  return chain && { version: 6, protocol: chain.protocol, start: chain.start, end: ip.end };
}

type How = { transport: Transport; port: number; technique: Technique };

function technique(segment: Segment, protocol: number): How | undefined {
  switch (segment.kind) {
    case 'tcp':
      return named('tcp', segment.port, tcpTechnique(segment.flags));
    case 'udp':
      return named('udp', segment.port, 'udp');
    case 'sctp':
      return named('sctp', segment.port, sctpTechnique(segment.chunk));
    case 'icmp':
      return undefined;
    case 'other':
      // The other family's ICMP is no protocol of its own, in the kernel's table neither.
      if (protocol === PROTOCOL.icmp || protocol === PROTOCOL.icmp6) return undefined;
      return named('ip', protocol, 'ip-protocol');
  }
}

function named(transport: Transport, port: number, technique: Technique | undefined): How | undefined {
  return technique && { transport, port, technique };
}
