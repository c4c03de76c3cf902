import { describe, expect, it } from 'vitest';
import { Outbox } from './outbox.ts';
import { sighting } from './testing.ts';

describe('the outbox', () => {
  it('keeps of one sighting the highest revision alone', () => {
    const outbox = new Outbox();
    const first = sighting();
    const third = { ...first, rev: 3 };
    outbox.add({ sightings: [first, third, { ...first, rev: 2 }] }, false);
    expect(outbox.take('calm').sightings).toEqual([third]);
    expect(outbox.take('calm').sightings).toEqual([]);
  });

  it('makes a waiting sighting urgent when it trips, and it stays so', () => {
    const outbox = new Outbox();
    const calm = sighting();
    const tripped = { ...calm, rev: 2, trip: { atMs: 1 } };
    const later = { ...tripped, rev: 3 };
    outbox.add({ sightings: [calm] }, false);
    outbox.add({ sightings: [tripped] }, true);
    outbox.add({ sightings: [later] }, false);
    expect(outbox.take('calm').sightings).toEqual([]);
    expect(outbox.take('urgent').sightings).toEqual([later]);
  });

  it('is bounded, gives up what did not trip, and counts it', () => {
    const outbox = new Outbox();
    const trip = sighting({ trip: { atMs: 1 } });
    outbox.add({ sightings: [trip] }, false);
    outbox.add({ sightings: Array.from({ length: 10_500 }, () => sighting()) }, false);
    const { sightings } = outbox.take('calm');
    expect(sightings).toHaveLength(10_000);
    expect(sightings[0]).toBe(trip);
    expect(outbox.lost).toBe(501);
  });
});
