import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sighting } from '../testing/sighting.ts';
import { foldBySource } from './evidence.ts';
import { newestOfEach } from './sightings.ts';

const NOW = 1_780_000_000_000;

const sightingArbitrary = fc
  .record({
    source: fc.constantFrom('198.51.100.1', '198.51.100.2', '2001:db8::/64'),
    firstAtMs: fc.integer({ min: NOW - 9_999, max: NOW + 9_999 }),
    lastAtMs: fc.integer({ min: NOW - 9_999, max: NOW + 9_999 }),
    evidence: fc.constantFrom('handshake' as const, 'forgeable' as const),
    tripMs: fc.option(fc.integer({ min: NOW - 9_999, max: NOW + 9_999 })),
  })
  .map(({ tripMs, ...rest }) =>
    sighting({ ...rest, ...(tripMs === null ? {} : { trip: { atMs: tripMs } }) }),
  );

test('evidence is the same in whatever order sightings come, sorted, and never ahead of the clock', () => {
  fc.assert(
    fc.property(fc.array(sightingArbitrary, { maxLength: 12 }), fc.func(fc.integer()), (sightings, rank) => {
      const folded = foldBySource(sightings, NOW);
      const shuffled = [...sightings].sort((a, b) => rank(a.id) - rank(b.id));
      expect(foldBySource(shuffled, NOW)).toEqual(folded);
      expect(folded.map((c) => c.source)).toEqual([...new Set(sightings.map((s) => s.source))].sort());
      for (const { firstAtMs, lastAtMs, trippedAtMs, handshakeAtMs } of folded) {
        expect(Math.max(firstAtMs, lastAtMs, trippedAtMs ?? 0, handshakeAtMs ?? 0)).toBeLessThanOrEqual(NOW);
      }
    }),
  );
});

test('of the revisions of a sighting in batches that are stored together the highest stays', () => {
  const [a, b] = [sighting({ rev: 3 }), sighting({ rev: 1 })];
  const host = { networkId: 'n', hostId: 'h' };
  const told = { ...host, sightings: [b, { ...a, rev: 1 }, a] };
  const again = { ...host, sightings: [{ ...a, rev: 2 }] };
  expect(newestOfEach([told, again]).map(({ seen }) => seen)).toEqual([b, a]);
});
