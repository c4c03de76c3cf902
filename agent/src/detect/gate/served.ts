import type { Transport } from '@picket/protocol';

/**
 * How long a port that was served is forgiven when its service is down, ms. An hour, as in the nftables table: clients
 * of a service that restarts or is repaired come again meanwhile.
 */
export const SERVED_MS = 3_600_000;

/** When each local port was seen in use last. Its room is fixed: 65,536 numbers for each of three transports, and one. */
export interface Served {
  note(transport: Transport, port: number, atMs: number): void;
  /** Whether the port was seen to be served at the given time or later. */
  since(transport: Transport, port: number, sinceMs: number): boolean;
  /**
   * Notes that a UDP datagram left a port. That is a socket, but no service that would be forgiven for an hour: a resolver
   * writes from tens of thousands of ports in turn, and would make all of them blind.
   */
  noteSent(port: number, atMs: number): void;
  sentSince(port: number, sinceMs: number): boolean;
}

/** Nothing served yet. IP protocols have no service. */
export function createServed(): Served {
  const times: Partial<Record<Transport, Float64Array>> = { tcp: never(), udp: never(), sctp: never() };
  const sent = never();
  return {
    note: (transport, port, atMs) => raise(times[transport], port, atMs),
    since: (transport, port, sinceMs) => isSince(times[transport], port, sinceMs),
    noteSent: (port, atMs) => raise(sent, port, atMs),
    sentSince: (port, sinceMs) => isSince(sent, port, sinceMs),
  };
}

function never(): Float64Array {
  return new Float64Array(65_536).fill(Number.NEGATIVE_INFINITY);
}

function raise(times: Float64Array | undefined, port: number, atMs: number): void {
  if (times !== undefined) times[port] = Math.max(times[port] ?? Number.NEGATIVE_INFINITY, atMs);
}

function isSince(times: Float64Array | undefined, port: number, sinceMs: number): boolean {
  return (times?.[port] ?? Number.NEGATIVE_INFINITY) >= sinceMs;
}
