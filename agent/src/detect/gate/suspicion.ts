import type { Technique, Transport } from '@picket/protocol';
import type { Packet } from '../../decode/packet.ts';
import { PROTOCOL } from '../../decode/protocols.ts';
import { isWeak, type Probe } from '../probe.ts';
import { sctpTechnique, TCP_FLAG, tcpTechnique } from '../technique.ts';

/**
 * What has to be known before a packet counts:
 * - `plain` asks for a service (SYN, UDP, SCTP INIT): that the port is unused, and was not served lately
 * - `odd` has flags that no stack sends: that the port is unused, or that no connection is known
 * - `weak` is what leftovers look like: what `plain` asks for, and that nothing else explains it
 * - `protocol` is of an IP protocol that is watched: that this host does not speak it with the source
 */
export type Kind = 'plain' | 'odd' | 'weak' | 'protocol';

/** A packet that may be a probe. */
export interface Suspicion {
  readonly kind: Kind;
  readonly probe: Probe;
}

/** When one of these could not be read, it was cut, and is no probe of the protocol itself. */
const READ_PROTOCOLS: ReadonlySet<number> = new Set(Object.values(PROTOCOL));

const { syn, ack, rst, fin } = TCP_FLAG;

/** What a packet that came in may probe; undefined for answers and for what belongs to a talk that exists. */
export function suspicionOf(packet: Packet): Suspicion | undefined {
  const { segment } = packet;
  switch (segment.kind) {
    case 'tcp': {
      const technique = tcpTechnique(segment.flags);
      return technique && suspicion(packet, 'tcp', segment.port, technique, kindOf(segment.flags, technique));
    }
    case 'udp':
      return suspicion(packet, 'udp', segment.port, 'udp', 'plain');
    case 'sctp': {
      const technique = sctpTechnique(segment.chunk);
      return technique && suspicion(packet, 'sctp', segment.port, technique, 'plain');
    }
    case 'icmp':
      return undefined;
    case 'other':
      return READ_PROTOCOLS.has(packet.protocol)
        ? undefined
        : suspicion(packet, 'ip', packet.protocol, 'ip-protocol', 'protocol');
  }
}

/** PSH and URG do not keep a SYN from opening a connection (RFC 9293 section 3.10.7.2). */
function kindOf(flags: number, technique: Technique): Kind {
  if ((flags & (syn | ack | rst | fin)) === syn) return 'plain';
  return isWeak(technique) ? 'weak' : 'odd';
}

function suspicion(
  { atMs, source, destination }: Packet,
  transport: Transport,
  port: number,
  technique: Technique,
  kind: Kind,
): Suspicion {
  const ends = { address: source, localAddress: destination, transport, port };
  return { kind, probe: { atMs, ...ends, technique, evidence: 'forgeable' } };
}
