import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BatchIndex } from './batch-index.ts';

type Step = { do: 'add'; hasTrip: boolean } | { do: 'delete'; which: number } | { do: 'look'; taken: number };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('add' as const), hasTrip: fc.boolean() }),
    fc.record({ do: fc.constant('delete' as const), which: fc.nat(200) }),
    fc.record({ do: fc.constant('look' as const), taken: fc.nat(4) }),
  ),
  { maxLength: 300 },
);

it('gives the newest and the oldest that are free, whatever was settled and looked at before', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const index = new BatchIndex();
      let waiting: { jti: string; hasTrip: boolean }[] = [];
      let count = 0;
      for (const step of all) {
        if (step.do === 'add') {
          const batch = { jti: `${count++}`, hasTrip: step.hasTrip };
          waiting.push(batch);
          index.add({ ...batch, place: { in: 'segment', name: 'a', offset: 0, length: 1 } });
        } else if (step.do === 'delete') {
          waiting = waiting.filter(({ jti }) => jti !== `${step.which % Math.max(1, count)}`);
          index.delete(`${step.which % Math.max(1, count)}`);
        } else {
          const taken = new Set(waiting.slice(-step.taken || waiting.length).map(({ jti }) => jti));
          const isFree = (jti: string) => !taken.has(jti);
          const free = waiting.filter(({ jti }) => isFree(jti));
          const [trips, others] = [free.filter((each) => each.hasTrip), free.filter((each) => !each.hasTrip)];
          expect(index.next(isFree)?.jti).toBe((trips.at(-1) ?? others[0])?.jti);
          expect(index.next(isFree, 'newest')?.jti).toBe((others.at(-1) ?? trips.at(-1))?.jti);
        }
      }
      expect(index.size).toBe(waiting.length);
    }),
  );
});

it('passes over what was settled once, not with each look', () => {
  const index = new BatchIndex();
  const names = Array.from({ length: 1_000 }, (_, i) => `${i}`);
  for (const jti of names)
    index.add({ jti, hasTrip: true, place: { in: 'segment', name: 'a', offset: 0, length: 1 } });
  // The newest is under way all the time, and what lies behind it is settled.
  const isFree = (jti: string) => jti !== '999';
  for (const jti of names.slice(600, 999)) index.delete(jti);
  const get = Map.prototype.get;
  let looks = 0;
  Map.prototype.get = function (this: Map<unknown, unknown>, key: unknown) {
    looks += 1;
    return get.call(this, key);
  };
  try {
    for (let i = 0; i < 100; i++) index.next(isFree);
  } finally {
    Map.prototype.get = get;
  }
  expect(looks).toBeLessThan(400 + 100 * 2 + 1);
});
