import { EVENT, eventClaimsSchema, MAX_BODY_BYTES, type Sighting, type Unblock } from '@picket/protocol';
import fc from 'fast-check';
import { v7 } from 'uuid';
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

const acts = fc.array(
  fc.record({
    id: fc.constant(v7()),
    act: fc.constantFrom('block' as const, 'allow' as const),
    ...{ source: fc.ipV4(), atMs: fc.nat(), untilMs: fc.nat() },
    by: fc.string({ minLength: 1, maxLength: 64 }),
  }),
  { maxLength: 30 },
);

const sightingsIn = (contents: readonly Content[]): Sighting[] =>
  contents.flatMap(({ events }) => events[EVENT.sightings]?.sightings ?? []);
const unblocksIn = (contents: readonly Content[]): Unblock[] =>
  contents.flatMap(({ events }) => events[EVENT.unblock]?.unblocks ?? []);

describe('batches', () => {
  it('carry everything once, and say which hold a trip', () => {
    fc.assert(
      fc.property(sightings, unblocks, acts, (seen, lifted, ordered) => {
        const contents = batchesOf({ sightings: seen, unblocks: lifted, acts: ordered });
        expect(new Set(sightingsIn(contents))).toEqual(new Set(seen));
        expect(unblocksIn(contents)).toEqual(lifted);
        expect(contents.flatMap(({ events }) => events[EVENT.acts]?.acts ?? [])).toEqual(ordered);
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
    const contents = batchesOf({ sightings: all, unblocks: [] });
    expect(sightingsIn(contents)).toHaveLength(1500);
    for (const { events } of contents) {
      expect((Buffer.byteLength(JSON.stringify(events)) * 4) / 3).toBeLessThan(MAX_BODY_BYTES - 1024);
    }
    const small = batchesOf({
      sightings: Array.from({ length: 1001 }, () => sighting({ ports: {}, techniques: {} })),
      unblocks: [],
    });
    expect(sightingsIn(small)).toHaveLength(1001);
    expect(small.length).toBe(3);
  });

  it('are halved without loss until one thing is left', () => {
    fc.assert(
      fc.property(sightings, unblocks, (seen, lifted) => {
        for (const { events } of batchesOf({ sightings: seen, unblocks: lifted })) {
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
