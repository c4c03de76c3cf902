import type { Packet } from '../decode/packet.ts';
import type { Listeners } from '../detect/gate.ts';
import { TCP_FLAG } from '../detect/technique.ts';
import type { HostSockets } from '../host/listeners.ts';
import type { FilterFacts } from './capture-filter.ts';

/** What a filter may leave out. */
export type OpenPorts = Pick<FilterFacts, 'listeners' | 'busy'>;

/** Ports that stay open. */
export interface OpenPortsMemory {
  /** Takes what was seen at a refresh. */
  note(sockets: HostSockets): void;
  /** Takes a packet that this host sent: a SYN+ACK shows a port that is served without a listener, as a redirected one is. */
  noteSent(packet: Packet): void;
  /** What a filter may leave out at a time, Unix ms. */
  at(nowMs: number): OpenPorts;
}

/** How long a port without a listener that answered is taken to be busy, ms. */
const ANSWERED_MS = 600_000;

const SYN_ACK = TCP_FLAG.syn | TCP_FLAG.ack;

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
  /** When each port answered last; there are not more than 65,536. */
  const answered = new Map<number, number>();
  return {
    note({ listeners, connections }) {
      const local = connections.map(({ port }) => port).filter((port) => !listeners.tcp.has(port));
      const seen: OpenPorts = { listeners, busy: new Set(local) };
      stable = last === undefined ? seen : both(last, seen);
      last = seen;
    },
    noteSent({ segment, atMs }) {
      if (segment.kind === 'tcp' && (segment.flags & SYN_ACK) === SYN_ACK)
        answered.set(segment.sourcePort, atMs);
    },
    at(nowMs) {
      for (const [port, atMs] of answered) if (nowMs - atMs > ANSWERED_MS) answered.delete(port);
      return { ...stable, busy: new Set([...stable.busy, ...answered.keys()]) };
    },
  };
}

function both(a: OpenPorts, b: OpenPorts): OpenPorts {
  const of = (transport: keyof Listeners) => common(a.listeners[transport], b.listeners[transport]);
  return { listeners: { tcp: of('tcp'), udp: of('udp'), sctp: of('sctp') }, busy: common(a.busy, b.busy) };
}

function common(a: ReadonlySet<number>, b: ReadonlySet<number>): Set<number> {
  return new Set([...a].filter((port) => b.has(port)));
}
