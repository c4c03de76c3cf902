import { EVENT, eventClaimsSchema, MAX_BODY_BYTES, type Sighting, type Unblock } from '@picket/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { batchesOf, type Content, halvesOf } from './batches.ts';
import { sighting } from './testing.ts';

const sightings = fc.array(
  fc.record({ isTrip: fc.boolean(), ranges: fc.integer({ min: 0, max: 64 }) }).map(({ isTrip, ranges }) =>
    sighting({
      ports: { tcp: Array.from({ length: ranges }, (_, i) => [i * 1000, i * 1000]) },
      ...(isTrip ? { trip: { atMs: 1 } } : {}),
    }),
  ),
  { maxLength: 30 },
);
const unblocks = fc.array(
  fc.record({ source: fc.ipV4(), atMs: fc.nat(), reason: fc.string({ maxLength: 200 }) }),
  { maxLength: 30 },
);

const sightingsIn = (contents: readonly Content[]): Sighting[] =>
  contents.flatMap(({ events }) => events[EVENT.sightings]?.sightings ?? []);
const unblocksIn = (contents: readonly Content[]): Unblock[] =>
  contents.flatMap(({ events }) => events[EVENT.unblock]?.unblocks ?? []);

describe('batches', () => {
  it('carry everything once, and say which hold a trip', () => {
    fc.assert(
      fc.property(sightings, unblocks, (seen, lifted) => {
        const contents = batchesOf(seen, lifted);
        expect(new Set(sightingsIn(contents))).toEqual(new Set(seen));
        expect(unblocksIn(contents)).toEqual(lifted);
        for (const { events, hasTrip } of contents) {
          expect(eventClaimsSchema.shape.events.safeParse(events).success).toBe(true);
          expect(events[EVENT.sightings]?.sightings.some((each) => each.trip) ?? false).toBe(hasTrip);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('stay under the limits with thousands of the largest sightings', () => {
    const ports = Array.from({ length: 64 }, (_, i): [number, number] => [10_000 + i * 3, 10_001 + i * 3]);
    const all = Array.from({ length: 1500 }, () => sighting({ ports: { tcp: ports, udp: ports } }));
    const contents = batchesOf(all, []);
    expect(sightingsIn(contents)).toHaveLength(1500);
    for (const { events } of contents) {
      expect((Buffer.byteLength(JSON.stringify(events)) * 4) / 3).toBeLessThan(MAX_BODY_BYTES - 1024);
    }
    const small = batchesOf(
      Array.from({ length: 1001 }, () => sighting({ ports: {}, techniques: {} })),
      [],
    );
    expect(sightingsIn(small)).toHaveLength(1001);
    expect(small.length).toBe(3);
  });

  it('are halved without loss until one thing is left', () => {
    fc.assert(
      fc.property(sightings, unblocks, (seen, lifted) => {
        for (const { events } of batchesOf(seen, lifted)) {
          const halves = halvesOf(events);
          const whole = [{ events, hasTrip: false }];
          if (sightingsIn(whole).length + unblocksIn(whole).length < 2) expect(halves).toBeUndefined();
          else {
            expect(sightingsIn(halves ?? [])).toEqual(sightingsIn(whole));
            expect(unblocksIn(halves ?? [])).toEqual(unblocksIn(whole));
            expect(halves).toHaveLength(2);
          }
        }
      }),
      { numRuns: 50 },
    );
  });
});
