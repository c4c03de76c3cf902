import type { Facts, ScannerFacts, SightingFacts } from '../facts.ts';

const at = (time: string) => Date.parse(`2026-11-23T${time}Z`);

/** One host's part, for tests. */
export function sightingFacts(over: Partial<SightingFacts> = {}): SightingFacts {
  return {
    host: 'web-1.example.net',
    tcp: [
      [21, 21],
      [23, 25],
      [110, 113],
    ],
    udp: [],
    sctp: [],
    ip: [],
    ports: 8,
    probes: 9,
    firstMs: at('09:12:04.100'),
    lastMs: at('09:12:04.900'),
    trippedMs: at('09:12:04.210'),
    block: {
      atMs: at('09:12:04.211'),
      untilMs: at('13:12:04.211'),
      tier: 'held',
      enforced: true,
      droppedPackets: 991,
    },
    ...over,
  };
}

/** One scanner that host web-1 blocked itself and the network shares, for tests. */
export function scannerFacts(over: Partial<ScannerFacts> = {}): ScannerFacts {
  return {
    source: '198.51.100.7',
    address: '198.51.100.7',
    ownHost: null,
    allowed: null,
    techniques: [['syn', 9]],
    probes: 9,
    ports: 8,
    hosts: 1,
    trippedHosts: 1,
    hostsInForce: 3,
    observingHosts: 0,
    droppedPackets: 991,
    firstMs: at('09:12:04.100'),
    lastMs: at('09:12:04.900'),
    evidence: 'forgeable',
    again: false,
    timesBlocked: 1,
    shared: {
      source: '198.51.100.7',
      atMs: at('09:12:04.300'),
      untilMs: at('13:12:04.300'),
      removedMs: null,
      tier: 'held',
      reason: 'tripped on web-1.example.net',
      author: 'correlation',
    },
    sightings: [sightingFacts()],
    ...over,
  };
}

/** A usual hour: one scanner, blocked everywhere, and some background noise; for tests. */
export function typical(over: Partial<Facts> = {}): Facts {
  return {
    version: 1,
    network: { name: 'prod', zone: 'Europe/Berlin' },
    hourMs: at('10:00:00'),
    asked: false,
    previousMs: at('04:00:00'),
    hosts: 3,
    totals: {
      scanners: 1,
      blocked: 1,
      allowed: 0,
      observed: 0,
      unblocked: 0,
      ownHosts: 0,
      hostsTouched: 1,
      probes: 9,
      droppedPackets: 991,
      fewestInForce: 3,
      mostInForce: 3,
      untilMs: at('13:12:04.300'),
    },
    below: { sources: 14, probes: 17, hosts: 3 },
    scanners: [scannerFacts()],
    people: { added: 0, lifted: 0, blocks: [] },
    ...over,
  };
}
