import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changes, listSteps, STEP } from './changes.ts';
import type { Element } from './elements.ts';

type List = Map<string, Element>;

const anyElement = fc.record({
  source: fc.integer({ min: 0, max: 40 }).map((n) => `192.0.2.${n}`),
  tier: fc.constantFrom('held' as const, 'dropped' as const),
  untilMs: fc.integer({ min: 0, max: 10 }).map((n) => 1_000_000 + n * 60_000),
});
const anyList = fc
  .array(anyElement, { maxLength: 40 })
  .map((elements): List => new Map(elements.map((element) => [element.source, element])));

const bulk = (count: number, untilMs: number): List =>
  new Map(
    Array.from({ length: count }, (_, i) => {
      const source = `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
      return [source, { source, tier: 'held' as const, untilMs }];
    }),
  );

describe('steps from one list to another', () => {
  it('bring any list to any other, and never leave out what stays blocked', () => {
    fc.assert(
      fc.property(anyList, anyList, (have, want) => {
        const state = new Map(have);
        for (const { remove, add } of listSteps(new Map(have), want)) {
          for (const { source } of remove) state.delete(source);
          for (const element of add) state.set(element.source, element);
          for (const source of have.keys()) if (want.has(source)) expect(state.has(source)).toBe(true);
        }
        expect([...state.values()].map((e) => JSON.stringify(e)).sort()).toEqual(
          [...want.values()].map((e) => JSON.stringify(e)).sort(),
        );
      }),
    );
  });

  it('are of a bounded size, and none of the unchanged is touched', () => {
    const [have, want] = [bulk(30_000, 1_000_000), bulk(35_000, 1_000_000)];
    const steps = [...listSteps(have, want)];
    expect(Math.max(...steps.map(({ add, remove }) => add.length + remove.length))).toBeLessThanOrEqual(
      STEP + 1,
    );
    expect(steps.reduce((sum, { add, remove }) => sum + add.length + remove.length, 0)).toBe(5_000);
  });
});

describe('changes', () => {
  it('are none for an end that nft would round to the same second', () => {
    expect(changes(bulk(1, 1_000_000), bulk(1, 1_001_000), 0)).toEqual({ remove: [], add: [] });
  });
});
