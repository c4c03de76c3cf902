import type { Address, Evidence, Source, Technique, Transport } from '@picket/protocol';
import { type Bucket, type Threshold, take } from './bucket.ts';
import type { Probe } from './probe.ts';

/** Most (transport, port) pairs remembered for one source: 1,024 bound a track to about 80 kB and the copy on each probe to some µs. */
export const MAX_TRACKED_PORTS = 1_024;

/** What is known of one source, since its first probe. */
export interface Track {
  readonly source: Source;
  /** The address seen last. */
  readonly address: Address;
  readonly localAddress: Address;
  readonly firstAtMs: number;
  readonly lastAtMs: number;
  readonly techniques: ReadonlyMap<Technique, number>;
  /** When each port was counted last, by `transport/port`. */
  readonly ports: ReadonlyMap<string, number>;
  /** Distinct ports, also those that `ports` had no room for. */
  readonly portCount: number;
  readonly evidence: Evidence;
  readonly bucket: Bucket | undefined;
}

/** A track after a probe; `isOver` says that this probe was beyond the threshold. */
export interface Step {
  readonly track: Track;
  readonly isOver: boolean;
}

const EMPTY = { techniques: new Map(), ports: new Map(), portCount: 0, bucket: undefined } as const;

/**
 * Folds one probe into what is known of its source. Never throws.
 *
 * A port counts once in a window, as in the kernel's `seen` set: only a distinct port takes a token.
 */
export function observe(track: Track | undefined, source: Source, probe: Probe, threshold: Threshold): Step {
  const before = track ?? { ...EMPTY, firstAtMs: probe.atMs, evidence: probe.evidence };
  const key = portKey(probe.transport, probe.port);
  const countedAtMs = before.ports.get(key);
  const isDistinct = countedAtMs === undefined || probe.atMs - countedAtMs >= threshold.window;
  const taken = isDistinct ? take(before.bucket, probe.atMs, threshold) : undefined;
  const hasRoom = countedAtMs !== undefined || before.ports.size < MAX_TRACKED_PORTS;
  return {
    track: {
      source,
      address: probe.address,
      localAddress: probe.localAddress,
      firstAtMs: before.firstAtMs,
      lastAtMs: Math.max(probe.atMs, track?.lastAtMs ?? 0),
      techniques: with1(before.techniques, probe.technique),
      ports: isDistinct && hasRoom ? new Map(before.ports).set(key, probe.atMs) : before.ports,
      portCount: before.portCount + (countedAtMs === undefined ? 1 : 0),
      evidence: before.evidence === 'handshake' ? 'handshake' : probe.evidence,
      bucket: taken?.bucket ?? before.bucket,
    },
    isOver: taken?.isOver ?? false,
  };
}

/** The ports of a track on one transport. */
export function portsOf(track: Track, transport: Transport): number[] {
  const prefix = `${transport}/`;
  return [...track.ports.keys()]
    .filter((k) => k.startsWith(prefix))
    .map((k) => Number(k.slice(prefix.length)));
}

function portKey(transport: Transport, port: number): string {
  return `${transport}/${port}`;
}

function with1<K>(counts: ReadonlyMap<K, number>, key: K): Map<K, number> {
  return new Map(counts).set(key, (counts.get(key) ?? 0) + 1);
}
