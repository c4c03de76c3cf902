import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { lostBlocks, wrongBlocks } from './kill-model.ts';
import { seeded } from './random.ts';

const HOUR = { nowMs: 100_000, lastsMs: 60_000 };
const trip = (source: string, fromMs: number) => ({ source, fromMs, toMs: fromMs + 100 });

describe('blocks of a host', () => {
  it('are right when all that tripped is held until its end, and nobody else', () => {
    const held = [
      { source: 'a', untilMs: 150_000 },
      { source: 'k', untilMs: 9e9 },
    ];
    const trips = [trip('a', 90_000), trip('over', 30_000)];
    expect(wrongBlocks(held, trips, { ...HOUR, known: ['k'] })).toEqual([]);
  });

  it('are wrong when one is missing, too long, or of nobody who tripped', () => {
    const held = [
      { source: 'long', untilMs: 190_000 },
      { source: 'nobody', untilMs: 150_000 },
    ];
    expect(wrongBlocks(held, [trip('gone', 90_000), trip('long', 90_000)], HOUR)).toEqual([
      'gone tripped and is not held',
      expect.stringContaining('long is held until'),
      'nobody is held and never tripped',
    ]);
  });

  it('may end a moment early or late', () => {
    expect(wrongBlocks([], [trip('ending', 41_000)], HOUR)).toEqual([]);
    expect(wrongBlocks([{ source: 'ended', untilMs: 100_500 }], [trip('ended', 39_000)], HOUR)).toEqual([]);
  });
});

describe('blocks over a kill', () => {
  const nobody = () => false;

  it('are lost when they are gone or end at another time, unless they were lifted or are over', () => {
    const before = ['kept', 'gone', 'moved', 'lifted'].map((source) => ({ source, untilMs: 200_000 }));
    const after = [
      { source: 'kept', untilMs: 201_000 },
      { source: 'moved', untilMs: 300_000 },
    ];
    const lifted = (source: string) => source === 'lifted';
    const over = { source: 'over', untilMs: 101_000 };
    expect(lostBlocks([...before, over], after, { nowMs: 100_000, lifted })).toEqual([
      'gone was in force and is not any more',
      'moved ends 100.0 s later than before',
    ]);
  });

  test('are never lost when nothing changed', () => {
    const block = fc.record({ source: fc.ipV4(), untilMs: fc.integer({ min: 0, max: 1e6 }) });
    fc.assert(
      fc.property(fc.uniqueArray(block, { selector: ({ source }) => source }), (blocks) => {
        expect(lostBlocks(blocks, blocks, { nowMs: 5, lifted: nobody })).toEqual([]);
      }),
    );
  });
});

test('the same seed gives the same numbers, from 0 to below 1, and another seed others', () => {
  const draw = (seed: number) => {
    const random = seeded(seed);
    return Array.from({ length: 50 }, random);
  };
  expect(draw(7)).toEqual(draw(7));
  expect(draw(7)).not.toEqual(draw(8));
  expect(draw(7).every((value) => value >= 0 && value < 1)).toBe(true);
  const mean = draw(1).reduce((sum, value) => sum + value, 0) / 50;
  expect(mean).toBeGreaterThan(0.3);
  expect(mean).toBeLessThan(0.7);
});
