import type { Address, Evidence, Source, Technique, Transport } from '@picket/protocol';
import { type Bucket, type Threshold, take } from './bucket.ts';
import { isWeak, type Probe } from './probe.ts';

/**
 * Most distinct contacts remembered for one source: 256 bound a track to some 40 kB and the copy on each probe to a few
 * µs. A source has long tripped by then; further ports are counted without being told from repeats.
 */
export const MAX_TRACKED_PORTS = 256;

/** What is known of one source, since its first probe. */
export interface Track {
  readonly source: Source;
  /** The address seen last. */
  readonly address: Address;
  readonly localAddress: Address;
  readonly firstAtMs: number;
  readonly lastAtMs: number;
  readonly techniques: ReadonlyMap<Technique, number>;
  /** When each contact was counted last, by `transport/port/local address`; weak ones apart, as in the kernel's sets. */
  readonly contacts: ReadonlyMap<string, number>;
  /** Distinct contacts, also those that `contacts` had no room for. */
  readonly portCount: number;
  readonly evidence: Evidence;
  /** Whether this host knew it as a client at any of its probes. */
  readonly wasClient: boolean;
  readonly buckets: Buckets;
}

/** What is left of a source's evidence of each kind. */
export interface Buckets {
  /** Of an ordinary source. */
  readonly ports?: Bucket;
  /** Of the same source while it was known as a client. */
  readonly client?: Bucket;
  readonly weak?: Bucket;
  /** When the source gave ordinary evidence last, ms. */
  readonly suspectAtMs?: number;
}

/** What the judgement of a probe rests on beside the track. */
export interface Judgement {
  readonly threshold: Threshold;
  /** Whether this host knows the source as a client. */
  readonly isClient: boolean;
  /** Whether the port is one on which a single probe trips. */
  readonly isTripwire: boolean;
}

/** A track after a probe; `isOver` says that this probe was beyond the threshold. */
export interface Step {
  readonly track: Track;
  readonly isOver: boolean;
}

const EMPTY = { techniques: new Map(), contacts: new Map(), portCount: 0, buckets: {} } as const;

/**
 * Folds one probe into what is known of its source. Never throws.
 *
 * A contact (local address, transport, port) counts once in a window, as in the kernel's `seen` sets: only a distinct
 * one takes a token. One port on many addresses of a host is many contacts.
 */
export function observe(track: Track | undefined, source: Source, probe: Probe, judgement: Judgement): Step {
  const { window } = judgement.threshold;
  const before = track ?? { ...EMPTY, firstAtMs: probe.atMs, evidence: probe.evidence, wasClient: false };
  const key = contactKey(probe);
  const countedAtMs = before.contacts.get(key);
  const isDistinct = countedAtMs === undefined || probe.atMs - countedAtMs >= window;
  const hasRoom = countedAtMs !== undefined || before.contacts.size < MAX_TRACKED_PORTS;
  const { buckets, isOver } = isDistinct
    ? count(before.buckets, probe, judgement)
    : { buckets: before.buckets, isOver: false };
  return {
    track: {
      source,
      address: probe.address,
      localAddress: probe.localAddress,
      firstAtMs: before.firstAtMs,
      lastAtMs: Math.max(probe.atMs, track?.lastAtMs ?? 0),
      techniques: with1(before.techniques, probe.technique),
      contacts: isDistinct && hasRoom ? new Map(before.contacts).set(key, probe.atMs) : before.contacts,
      portCount: before.portCount + (countedAtMs === undefined ? 1 : 0),
      evidence: before.evidence === 'handshake' ? 'handshake' : probe.evidence,
      wasClient: before.wasClient || judgement.isClient,
      buckets,
    },
    isOver: isOver || (judgement.isTripwire && isDistinct),
  };
}

/** One distinct contact against the bucket that it belongs to. */
function count(
  buckets: Buckets,
  { atMs, technique }: Probe,
  { threshold, isClient }: Judgement,
): { buckets: Buckets; isOver: boolean } {
  const { ports, client_ports, weak_ports, window } = threshold;
  const isSuspect = buckets.suspectAtMs !== undefined && atMs - buckets.suspectAtMs < window;
  if (isWeak(technique) && !isSuspect) {
    const { bucket: weak, isOver } = take(buckets.weak, atMs, { ports: weak_ports, window });
    return { buckets: { ...buckets, weak }, isOver };
  }
  const suspectAtMs = isWeak(technique) ? (buckets.suspectAtMs ?? atMs) : atMs;
  if (isClient) {
    const { bucket: client, isOver } = take(buckets.client, atMs, { ports: client_ports, window });
    return { buckets: { ...buckets, client, suspectAtMs }, isOver };
  }
  const taken = take(buckets.ports, atMs, { ports, window });
  return { buckets: { ...buckets, ports: taken.bucket, suspectAtMs }, isOver: taken.isOver };
}

/** The ports of a track on one transport, on whatever local address. */
export function portsOf(track: Track, transport: Transport): number[] {
  const keys = [...track.contacts.keys()].map((key) => key.split('/'));
  return keys.filter(([name]) => name === transport).map(([, port]) => Number(port));
}

function contactKey({ transport, port, localAddress, technique }: Probe): string {
  return `${transport}/${port}/${localAddress}${isWeak(technique) ? '/weak' : ''}`;
}

function with1<K>(counts: ReadonlyMap<K, number>, key: K): Map<K, number> {
  return new Map(counts).set(key, (counts.get(key) ?? 0) + 1);
}
