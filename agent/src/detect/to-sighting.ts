import { portRanges, type Sighting, TRANSPORTS } from '@picket/protocol';
import { portsOf, type Track } from './track.ts';

/** What a sighting says beside the track: its identity, and what the host did. */
export interface SightingState {
  readonly id: string;
  readonly rev: number;
  readonly tripAtMs?: number | undefined;
  readonly block?: Sighting['block'] | undefined;
  /** Whether the source had a real connection to this host. */
  readonly isClient?: boolean;
}

/** A track as it crosses the wire. */
export function toSighting(track: Track, state: SightingState): Sighting {
  const ports = TRANSPORTS.map((transport) => [transport, portRanges(portsOf(track, transport))] as const);
  return {
    id: state.id,
    rev: state.rev,
    source: track.source,
    address: track.address,
    techniques: Object.fromEntries(track.techniques),
    ports: Object.fromEntries(ports.filter(([, ranges]) => ranges.length > 0)),
    portCount: track.portCount,
    firstAtMs: Math.floor(track.firstAtMs),
    lastAtMs: Math.floor(track.lastAtMs),
    localAddress: track.localAddress,
    evidence: track.evidence,
    // How many there were nobody counts: one is enough to know a client by.
    successes: track.wasClient || state.isClient === true ? 1 : 0,
    ...(state.tripAtMs !== undefined && { trip: { atMs: Math.floor(state.tripAtMs) } }),
    ...(state.block !== undefined && { block: state.block }),
  };
}
