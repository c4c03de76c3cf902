import { sourceOf } from '@picket/protocol';
import type { Packet, QuotedHead, Segment } from '../../decode/packet.ts';
import { PROTOCOL } from '../../decode/protocols.ts';
import { TCP_FLAG } from '../technique.ts';
import type { Listeners } from './listeners.ts';
import type { GateRules } from './rules.ts';

const { fin, syn, rst, psh, ack, urg } = TCP_FLAG;

/** Sets of flags by name. */
export const FLAGS = {
  syn,
  synAck: syn | ack,
  rst,
  rstAck: rst | ack,
  ack,
  data: psh | ack,
  finAck: fin | ack,
  null: 0,
  fin,
  xmas: fin | psh | urg,
  synFin: syn | fin,
} as const;

/** Two addresses of the host, and somebody else's. */
export const [HOST, SECOND, PEER] = ['203.0.113.10', '203.0.113.11', '198.51.100.7'];

/** Rules as the default policy gives them, without its ignored ports. */
export const RULES: GateRules = {
  ignored: { tcp: [[113, 113]], udp: [], sctp: [], ip: [[0, 2]] },
  ignoredInterfaces: ['wg0'],
  ephemeral: [32_768, 60_999],
  clientMs: 14_400_000,
  sourceOf,
};

/** Listeners on the given TCP and UDP ports. */
export function listeners(tcp: readonly number[] = [], udp: readonly number[] = []): Listeners {
  return { tcp: new Set(tcp), udp: new Set(udp), sctp: new Set() };
}

/** `other` is a number for experiments (RFC 3692). */
const NUMBER = { ...PROTOCOL, other: 253 } as const;

/** A packet from somebody to the host. */
export function packetIn(atMs: number, segment: Segment, more: Partial<Packet> = {}): Packet {
  return {
    atMs,
    source: PEER,
    destination: HOST,
    protocol: NUMBER[segment.kind],
    segment,
    link: { direction: 'unknown', cast: 'unknown' },
    checksum: 'good',
    ...more,
  };
}

/** A packet from the host to somebody; its checksum is left to the hardware. */
export function packetOut(atMs: number, segment: Segment, more: Partial<Packet> = {}): Packet {
  return packetIn(atMs, segment, { source: HOST, destination: PEER, checksum: 'bad', ...more });
}

/** A TCP segment from one port to another. */
export function tcp(sourcePort: number, port: number, flags: number): Segment {
  return { kind: 'tcp', sourcePort, port, flags };
}

/** A UDP datagram from one port to another. */
export function udp(sourcePort: number, port: number): Segment {
  return { kind: 'udp', sourcePort, port };
}

/** The head of a packet as an ICMP error quotes it. */
export function quote({ source, destination, protocol, segment }: Packet): QuotedHead {
  const { sourcePort, port } = { sourcePort: undefined, port: undefined, ...segment };
  const ports = sourcePort === undefined || port === undefined ? {} : { sourcePort, port };
  return { source, destination, protocol, ...ports };
}

/** What the host says to a packet whose port nobody serves, by ICMP. */
export function unreachable(packet: Packet, code = 3): Packet {
  const { atMs, source, destination } = packet;
  const segment: Segment = { kind: 'icmp', type: 3, code, quoted: quote(packet) };
  return packetOut(atMs + 0.1, segment, { source: destination, destination: source });
}

/** What the host says to a segment for which it has no connection: a reset from the same port. */
export function reset(packet: Packet): Packet {
  const { atMs, source, destination, segment } = packet;
  if (segment.kind !== 'tcp') throw new TypeError('only TCP is reset');
  return packetOut(atMs + 0.1, tcp(segment.port, segment.sourcePort, FLAGS.rstAck), {
    source: destination,
    destination: source,
  });
}
