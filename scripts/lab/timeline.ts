import type { Packet } from './packets.ts';

/** A SYN on the wire, and whether an answer to it (SYN-ACK or RST) was on the wire too. */
export type Probe = { atMs: number; port: number; answeredAtMs?: number };

/** What the wire says of a block: it began between the last answered probe and the next one. */
export type BlockSpan = {
  /** Probes answered before the block began. */
  passed: number;
  firstProbeAtMs: number;
  /** When the last answered probe was sent; undefined when not even the first was answered. */
  lastAnsweredAtMs: number | undefined;
  /** The first of the probes that nothing answers any more. */
  firstUnansweredAtMs: number;
};

const key = (a: number, b: number, seq: number) => `${a}>${b}#${seq}`;

/** The SYNs that one address sent to another, oldest first, each paired with its answer. */
export function probesBetween(packets: readonly Packet[], scanner: string, host: string): Probe[] {
  const probes: Probe[] = [];
  const open = new Map<string, Probe[]>();
  for (const { from, to, tcp, atMs } of packets) {
    if (tcp === undefined) continue;
    if (from === scanner && to === host && tcp.flags === 'S' && tcp.seq !== undefined) {
      const probe = { atMs, port: tcp.toPort };
      probes.push(probe);
      const id = key(tcp.fromPort, tcp.toPort, tcp.seq);
      const waiting = open.get(id);
      if (waiting === undefined) open.set(id, [probe]);
      else waiting.push(probe);
    } else if (from === host && to === scanner && tcp.ack !== undefined && /^(S\.|R\.?)$/.test(tcp.flags)) {
      // The answer acknowledges the SYN: its sequence number and one (RFC 9293 section 3.10.7).
      // Of probes that look the same the youngest: answers come at once, and one that never came shifts nothing.
      const probe = open.get(key(tcp.toPort, tcp.fromPort, (tcp.ack - 1) >>> 0))?.pop();
      if (probe !== undefined) probe.answeredAtMs = atMs;
    }
  }
  return probes;
}

/** When answers ended for good; undefined while the last probe was still answered, or without probes. */
export function blockSpan(probes: readonly Probe[]): BlockSpan | undefined {
  const last = probes.findLastIndex(({ answeredAtMs }) => answeredAtMs !== undefined);
  const first = probes[0];
  const next = probes[last + 1];
  if (first === undefined || next === undefined) return undefined;
  return {
    passed: probes.filter(({ answeredAtMs }) => answeredAtMs !== undefined).length,
    firstProbeAtMs: first.atMs,
    lastAnsweredAtMs: probes[last]?.atMs,
    firstUnansweredAtMs: next.atMs,
  };
}
