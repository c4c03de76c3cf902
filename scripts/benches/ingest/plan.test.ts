import { sightingSchema } from '@picket/protocol';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { seeded } from '../../lab/random.ts';
import { planBatches } from './plan.ts';

const order = { batches: 60, size: 20, hosts: 10, atMs: 1_795_435_210_000 };
const plan = (changes: Partial<typeof order> = {}, seed = 1) =>
  planBatches({ ...order, ...changes, random: seeded(seed) });

describe('the plan of a fleet', () => {
  test('holds what the wire allows, in batches of the size, at least four fifths of it new', () => {
    const sizes = fc.constantFrom(1, 20, 200);
    const counts = fc.integer({ min: 1, max: 40 });
    fc.assert(
      fc.property(sizes, counts, fc.nat(), (size, batches, seed) => {
        const { batches: planned, newShare } = plan({ size, batches }, seed);
        expect(planned.map(({ sightings }) => sightings.length)).toEqual(Array(batches).fill(size));
        for (const { sightings } of planned) for (const each of sightings) sightingSchema.parse(each);
        if (size * batches >= 1_000) expect(newShare).toBeGreaterThan(0.8);
      }),
      { numRuns: 20 },
    );
  });

  it('sends trips apart from all else', () => {
    const shares = plan().batches.map(
      ({ sightings }) => sightings.filter(({ trip }) => trip).length / sightings.length,
    );
    expect(new Set(shares)).toEqual(new Set([0, 1]));
  });

  it('tells a sighting again with a higher revision, from the same host', () => {
    const owners = new Map<string, number>();
    const revisions = new Map<string, number>();
    for (const { host, sightings } of plan().batches)
      for (const { id, rev } of sightings) {
        expect(owners.get(id) ?? host).toBe(host);
        expect(rev).toBe((revisions.get(id) ?? 0) + 1);
        owners.set(id, host);
        revisions.set(id, rev);
      }
    expect(Math.max(...revisions.values())).toBeGreaterThan(1);
  });

  it('has the scanners of a campaign on many hosts, and all others on one', () => {
    const hosts = new Map<string, Set<number>>();
    for (const { host, sightings } of plan({ batches: 400 }).batches)
      for (const { source } of sightings) hosts.set(source, (hosts.get(source) ?? new Set()).add(host));
    const counts = [...hosts.values()].map((each) => each.size);
    expect(counts.filter((count) => count > 1).length).toBeLessThanOrEqual(500);
    expect(Math.max(...counts)).toBeGreaterThan(3);
  });

  it('is the same for the same seed', () => {
    expect(plan()).toEqual(plan());
  });
});
