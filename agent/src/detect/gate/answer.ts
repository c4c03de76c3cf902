import type { Packet } from '../../decode/packet.ts';
import { PROTOCOL } from '../../decode/protocols.ts';
import { TCP_FLAG } from '../technique.ts';
import { type Tuple, tupleOut, tupleQuoted } from './tuple.ts';

/** What a packet that this host sent says of one of its own ports. */
export interface Answer {
  /** `used`: somebody serves it; `unused`: nobody does, or a firewall refuses it in the same words; `sent`: neither. */
  readonly says: 'used' | 'unused' | 'sent';
  readonly tuple: Tuple;
}

/** Chunk types of RFC 9260 section 3.2. */
const SCTP_ANSWER = { initAck: 2, abort: 6, cookieAck: 11 } as const;

/**
 * ICMP errors that say that nobody takes the packet, as type and code: protocol and port unreachable (RFC 792), port
 * unreachable and unrecognized next header (RFC 4443). What a firewall's "prohibited" covers is not known.
 */
const REFUSALS = {
  [PROTOCOL.icmp]: [
    [3, 2],
    [3, 3],
  ],
  [PROTOCOL.icmp6]: [
    [1, 4],
    [4, 1],
  ],
} as const;

/** Reads what this host sent as an answer; undefined for what says nothing of a port. */
export function answerOf(packet: Packet): Answer | undefined {
  const { segment } = packet;
  if (segment.kind === 'icmp') {
    const tuple = isRefusal(packet) && segment.quoted !== undefined ? tupleQuoted(segment.quoted) : undefined;
    return tuple && { says: 'unused', tuple };
  }
  const tuple = tupleOut(packet);
  if (tuple === undefined) return undefined;
  if (segment.kind === 'tcp') return { says: tcpSays(segment.flags), tuple };
  return { says: segment.kind === 'sctp' ? sctpSays(segment.chunk) : 'sent', tuple };
}

function tcpSays(flags: number): Answer['says'] {
  const { syn, ack, rst } = TCP_FLAG;
  if (flags & rst) return 'unused';
  return (flags & (syn | ack)) === (syn | ack) ? 'used' : 'sent';
}

function sctpSays(chunk: number | undefined): Answer['says'] {
  if (chunk === SCTP_ANSWER.abort) return 'unused';
  return chunk === SCTP_ANSWER.initAck || chunk === SCTP_ANSWER.cookieAck ? 'used' : 'sent';
}

function isRefusal({ protocol, segment }: Packet): boolean {
  if (segment.kind !== 'icmp' || (protocol !== PROTOCOL.icmp && protocol !== PROTOCOL.icmp6)) return false;
  return REFUSALS[protocol].some(([type, code]) => type === segment.type && code === segment.code);
}
