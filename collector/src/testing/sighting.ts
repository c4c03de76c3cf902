import type { Sighting } from '@picket/protocol';
import { v7 as uuid7 } from 'uuid';

/** A sighting of one SYN to port 23 a second ago. */
export function sighting(over: Partial<Sighting> = {}): Sighting {
  const nowMs = Date.now();
  return {
    id: uuid7(),
    rev: 1,
    source: '198.51.100.7',
    address: '198.51.100.7',
    techniques: { syn: 1 },
    ports: { tcp: [[23, 23]] },
    portCount: 1,
    firstAtMs: nowMs - 1000,
    lastAtMs: nowMs - 1000,
    localAddress: '192.0.2.10',
    evidence: 'forgeable',
    successes: 0,
    ...over,
  };
}

/** A sighting that tripped a second ago. */
export function trippedSighting(over: Partial<Sighting> = {}): Sighting {
  return sighting({
    techniques: { syn: 3 },
    ports: {
      tcp: [
        [21, 21],
        [23, 23],
        [25, 25],
      ],
    },
    portCount: 3,
    trip: { atMs: Date.now() - 1000 },
    ...over,
  });
}
