import type { Sighting } from '@picket/protocol';
import { v7 as uuid7 } from 'uuid';

/**
 * What a fleet of agents tells, as shares of all sightings. Most sources ask one host for a port or two and are never
 * heard of again; a tenth belongs to scanners that walk the whole fleet (1 % of the sources send most of the packets: TU
 * Delft 2023/24; 30 % of scanning is localised: Richter 2019); of a seventh a host tells a second time that it goes on.
 */
export const MIX = { campaign: 0.1, tripped: 0.02, revised: 0.15, ipv6: 0.05 } as const;

/** Scanners that walk the whole fleet. */
const CAMPAIGN_SOURCES = 500;

const HOUR_MS = 3_600_000;

/** What one batch carries, before it is sealed. */
export type PlannedBatch = { host: number; sightings: Sighting[] };

/** What is to be planned. */
export type PlanOrder = {
  batches: number;
  /** Sightings in each. */
  size: number;
  hosts: number;
  /** When it all happened, Unix ms. */
  atMs: number;
  /** Number of the first source that nobody else sees; another plan for the same database goes on from here. */
  firstSource?: number;
  /** From 0 to below 1. */
  random: () => number;
};

/** Planned batches, and which share of their sightings is the first that its host says of its source. */
export type Plan = { batches: PlannedBatch[]; newShare: number };

/** What a host told so far. */
type Told = { campaign: number; last: Sighting[] };

/**
 * Batches of a fleet, the hosts in turn. As agents do, trips go apart from all else, so that of a hundred batches
 * twelve hold trips alone.
 */
export function planBatches({ batches, size, hosts, atMs, firstSource = 0, random }: PlanOrder): Plan {
  const told = new Map<number, Told>();
  let [sources, fresh] = [firstSource, 0];
  const plan = Array.from({ length: batches }, (_, n): PlannedBatch => {
    const host = n % hosts;
    const own = told.get(host) ?? { campaign: 0, last: [] };
    told.set(host, own);
    const before = own.last;
    own.last = [];
    const hasTrips = random() < MIX.campaign + MIX.tripped;
    const sightings = Array.from({ length: size }, () => {
      const revised = !hasTrips && random() < MIX.revised / (1 - MIX.campaign - MIX.tripped);
      const earlier = revised ? before.pop() : undefined;
      if (earlier !== undefined) return revise(earlier, atMs);
      const isWalking = hasTrips && random() < MIX.campaign / (MIX.campaign + MIX.tripped);
      fresh += isWalking && own.campaign >= CAMPAIGN_SOURCES ? 0 : 1;
      const source = isWalking ? campaignSource(host, own.campaign++) : sourceOf(sources++, random);
      const sighting = sightingOf({ source, host, atMs, hasTripped: hasTrips, random });
      if (!hasTrips) own.last.push(sighting);
      return sighting;
    });
    // Those of before that were not told again may be told again later.
    own.last.push(...before.slice(-size));
    return { host, sightings };
  });
  return { batches: plan, newShare: fresh / (batches * size) };
}

/** Each host meets the scanners of a campaign in an order of its own. */
const campaignSource = (host: number, n: number): string => spread((host * 7 + n) % CAMPAIGN_SOURCES, 130);

/** A source that nobody else sees: IPv4 from 20.0.0.0 on, or a /64 of 2a00::/16. */
function sourceOf(n: number, random: () => number): string {
  if (random() >= MIX.ipv6) return spread(n, 20);
  const scrambled = Math.imul(n, 0x9e3779b1) >>> 0;
  return `2a00:${(scrambled >>> 16).toString(16)}:${(scrambled & 0xffff).toString(16)}:1::/64`;
}

/** The n-th of 2^29 odd addresses in no order: times an odd number, modulo a power of two, is one to one. */
export function spread(n: number, firstOctet: number): string {
  const scrambled = ((Math.imul(n, 0x9e3779b1) & 0x1fffffff) << 1) | 1;
  return [(scrambled >>> 24) + firstOctet, scrambled >>> 16, scrambled >>> 8, scrambled]
    .map((each, i) => (i === 0 ? each : each & 255))
    .join('.');
}

type Seen = { source: string; host: number; atMs: number; hasTripped: boolean; random: () => number };

/** What a host running the kernel engine says. */
function sightingOf({ source, host, atMs, hasTripped, random }: Seen): Sighting {
  const contacts = hasTripped ? 4 + Math.floor(random() * 30) : 1 + Math.floor(random() ** 2 * 3);
  const isProven = random() < 0.2;
  const firstAtMs = atMs - Math.floor(random() * 60_000);
  const lastAtMs = firstAtMs + contacts * 100;
  return {
    id: uuid7({ msecs: firstAtMs, random: bytes(random) }),
    rev: 1,
    source,
    address: source.includes('/') ? source.replace('::/64', '::bad') : source,
    techniques: isProven ? { connect: contacts } : { syn: contacts },
    ports: { tcp: portsOf(contacts, random) },
    portCount: contacts,
    firstAtMs,
    lastAtMs,
    localAddress: `198.18.${host >> 8}.${host & 255}`,
    evidence: isProven ? 'handshake' : 'forgeable',
    successes: 0,
    ...(hasTripped && {
      trip: { atMs: lastAtMs },
      block: {
        ...{ atMs: lastAtMs, untilMs: lastAtMs + HOUR_MS, tier: 'held' as const, engine: 'kernel' },
        ...{ backend: 'nftables', enforced: true, droppedPackets: Math.floor(random() * 100) },
      },
    }),
  };
}

/** The same sighting a while later: another port. */
function revise(sighting: Sighting, atMs: number): Sighting {
  const port = 60_000 + (sighting.rev % 5_000);
  return {
    ...sighting,
    rev: sighting.rev + 1,
    ports: { tcp: [...(sighting.ports.tcp ?? []), [port, port]] },
    portCount: sighting.portCount + 1,
    lastAtMs: Math.max(sighting.lastAtMs, atMs),
  };
}

/** So many single ports, ascending and apart. */
function portsOf(count: number, random: () => number): [number, number][] {
  const step = Math.floor(50_000 / count);
  return Array.from({ length: count }, (_, i) => {
    const port = 1 + i * step + Math.floor(random() * (step - 2));
    return [port, port];
  });
}

const bytes = (random: () => number): Uint8Array =>
  Uint8Array.from({ length: 16 }, () => Math.floor(random() * 256));
