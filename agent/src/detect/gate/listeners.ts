import type { Transport } from '@picket/protocol';

/** Ports on which a local socket takes packets from outside: not those bound to loopback alone. */
export interface Listeners {
  readonly tcp: ReadonlySet<number>;
  readonly udp: ReadonlySet<number>;
  readonly sctp: ReadonlySet<number>;
}

/** Whether the port of a transport is listed. IP protocols have no listeners. */
export function isListed(listeners: Listeners | undefined, transport: Transport, port: number): boolean {
  return transport !== 'ip' && listeners?.[transport].has(port) === true;
}
