import type { Address, Transport } from '@picket/protocol';
import type { IpHead, QuotedHead } from '../../decode/packet.ts';
import { PROTOCOL } from '../../decode/protocols.ts';

/** The two ends of a talk, as this host sees them. */
export interface Tuple {
  readonly transport: Exclude<Transport, 'ip'>;
  readonly remote: Address;
  readonly remotePort: number;
  readonly local: Address;
  readonly port: number;
}

/** A tuple as the key of a map. */
export function tupleKey({ transport, remote, remotePort, local, port }: Tuple): string {
  return `${transport}/${remote}/${remotePort}/${local}/${port}`;
}

/** The tuple of a packet that came in. */
export function tupleIn({ source, destination, segment }: IpHead): Tuple | undefined {
  if (segment.kind === 'icmp' || segment.kind === 'other') return undefined;
  const { kind: transport, sourcePort: remotePort, port } = segment;
  return { transport, remote: source, remotePort, local: destination, port };
}

/** The tuple of a packet that this host sent. */
export function tupleOut({ source, destination, segment }: IpHead): Tuple | undefined {
  if (segment.kind === 'icmp' || segment.kind === 'other') return undefined;
  const { kind: transport, sourcePort: port, port: remotePort } = segment;
  return { transport, remote: destination, remotePort, local: source, port };
}

/** The tuple of a packet that came in and that an ICMP error of this host quotes. */
export function tupleQuoted(quoted: QuotedHead): Tuple | undefined {
  const { source, destination, protocol, sourcePort, port } = quoted;
  const transport = (['tcp', 'udp', 'sctp'] as const).find((name) => PROTOCOL[name] === protocol);
  if (transport === undefined || sourcePort === undefined || port === undefined) return undefined;
  return { transport, remote: source, remotePort: sourcePort, local: destination, port };
}
