import type { Address } from '@picket/protocol';
import type { Connection, Listeners } from '../detect/gate.ts';

/** One socket of this host, as the system lists it. */
export interface HostSocket {
  readonly transport: keyof Listeners;
  /** Undefined: all addresses, or one that the list cuts short. */
  readonly local: Address | undefined;
  readonly port: number;
  /** The other end of a connected socket. */
  readonly peer?: { readonly address: Address; readonly port: number };
  /** Whether it takes packets of anybody: a TCP or SCTP socket that listens, a UDP socket that is bound. */
  readonly isListening: boolean;
}

/** What a host serves, and the TCP connections it has. */
export interface HostSockets {
  readonly listeners: Listeners;
  readonly connections: readonly Connection[];
}

/** Lists the sockets of this host. Throws when the system does not tell. */
export type ReadListeners = () => Promise<HostSockets>;

/**
 * Sorts sockets into ports that are served and connections.
 *
 * Loopback's ports are not served to anybody else. A UDP socket that is connected serves its peer alone, but a list of
 * ports cannot say so: its port counts as served, so that the peer is never accused.
 */
export function toHostSockets(sockets: Iterable<HostSocket>): HostSockets {
  const listeners = { tcp: new Set<number>(), udp: new Set<number>(), sctp: new Set<number>() };
  const connections: Connection[] = [];
  for (const { transport, local, port, peer, isListening } of sockets) {
    if (port === 0 || (local !== undefined && isLoopback(local))) continue;
    if (isListening || transport === 'udp') listeners[transport].add(port);
    else if (transport === 'tcp' && local !== undefined && peer !== undefined)
      connections.push({ remote: peer.address, remotePort: peer.port, local, port });
  }
  return { listeners, connections };
}

function isLoopback(address: Address): boolean {
  return address === '::1' || address.startsWith('127.');
}
