import type { Packet } from '../../lab/packets.ts';
import { type Probe, probesBetween } from '../../lab/timeline.ts';

/** What the wire says of one trip. */
export type Trip = {
  /**
   * From the tripping packet to the first packet from which on nothing is answered any more, ms: 0 when that is the
   * tripping one itself, undefined when the last packet was still answered. Overstates by at most the time between two.
   */
  latencyMs: number | undefined;
  /** Packets to the open port that were sent after the tripping one and answered. */
  packetsAfter: number;
};

/** Why a source's packets tell nothing of a block. */
export type Fault = 'no tripping packet' | 'refused before its trip';

/**
 * Reads one trip off a source's packets.
 *
 * @param probes all SYNs of the source, oldest first
 * @param openPort the port whose answers show whether the source is refused; the last SYN to any other is the trip
 */
export function readTrip(probes: readonly Probe[], openPort: number): Trip | Fault {
  const tripAt = probes.findLastIndex(({ port }) => port !== openPort);
  const trip = probes[tripAt];
  if (trip === undefined) return 'no tripping packet';
  const isAnswered = ({ answeredAtMs }: Probe) => answeredAtMs !== undefined;
  const before = probes.slice(0, tripAt).filter(({ port }) => port === openPort);
  if (!before.some(isAnswered)) return 'refused before its trip';
  const first = probes.slice(tripAt)[probes.slice(tripAt).findLastIndex(isAnswered) + 1];
  return {
    latencyMs: first && first.atMs - trip.atMs,
    packetsAfter: probes.slice(tripAt + 1).filter(isAnswered).length,
  };
}

/** The trips of all sources on a wire, in the order in which they appear. */
export function readTrips(packets: readonly Packet[], host: string, openPort: number): (Trip | Fault)[] {
  const bySource = new Map<string, Packet[]>();
  for (const packet of packets) {
    const source = packet.to === host ? packet.from : packet.from === host ? packet.to : undefined;
    if (source === undefined || packet.tcp === undefined) continue;
    const own = bySource.get(source);
    if (own === undefined) bySource.set(source, [packet]);
    else own.push(packet);
  }
  return [...bySource].map(([source, own]) => readTrip(probesBetween(own, source, host), openPort));
}
