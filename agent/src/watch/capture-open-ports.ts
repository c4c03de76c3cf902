import type { Listeners } from '../detect/gate.ts';
import type { HostSockets } from '../host/listeners.ts';
import type { FilterFacts } from './capture-filter.ts';

/** What a filter may leave out. */
export type OpenPorts = Pick<FilterFacts, 'listeners' | 'busy'>;

/** Ports that stay open. */
export interface OpenPortsMemory {
  /** Takes what was seen at a refresh. */
  note(sockets: HostSockets): void;
  now(): OpenPorts;
}

const NOTHING: OpenPorts = {
  listeners: { tcp: new Set(), udp: new Set(), sctp: new Set() },
  busy: new Set(),
};

/**
 * Ports that were open at each of the last two looks. A resolver writes from thousands of ports in turn, a passive FTP
 * server listens on one for a moment: a new filter for each would start a new capture every time. The first look counts
 * at once.
 */
export function createOpenPorts(): OpenPortsMemory {
  let [last, stable]: [OpenPorts | undefined, OpenPorts] = [undefined, NOTHING];
  return {
    note({ listeners, connections }) {
      const local = connections.map(({ port }) => port).filter((port) => !listeners.tcp.has(port));
      const seen: OpenPorts = { listeners, busy: new Set(local) };
      stable = last === undefined ? seen : both(last, seen);
      last = seen;
    },
    now: () => stable,
  };
}

function both(a: OpenPorts, b: OpenPorts): OpenPorts {
  const of = (transport: keyof Listeners) => common(a.listeners[transport], b.listeners[transport]);
  return { listeners: { tcp: of('tcp'), udp: of('udp'), sctp: of('sctp') }, busy: common(a.busy, b.busy) };
}

function common(a: ReadonlySet<number>, b: ReadonlySet<number>): Set<number> {
  return new Set([...a].filter((port) => b.has(port)));
}
