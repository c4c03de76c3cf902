import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { describeCurve, fitCurve, readCurve } from './curve.ts';

describe('the curve of growth', () => {
  test('goes through points that lie on one', () => {
    const numbers = fc.record({
      at: fc.integer({ min: 1_000, max: 9_000 }),
      fall: fc.integer({ min: 0, max: 90 }),
    });
    fc.assert(
      fc.property(numbers, ({ at, fall }) => {
        const points = [1e6, 1e7, 3e7].map((rows) => ({ rows, perSecond: at - fall * Math.log10(rows) }));
        const curve = fitCurve(points);
        if (curve === undefined) throw new Error('no curve');
        for (const { rows, perSecond } of points) expect(readCurve(curve, rows)).toBeCloseTo(perSecond, 3);
      }),
    );
  });

  it('says what a thousand million rows mean, or that it cannot', () => {
    const sizes = { indexBytesPerRow: 200, memoryBytes: 24e9 };
    const points = [
      { rows: 1e6, perSecond: 6_000 },
      { rows: 1e7, perSecond: 5_700 },
    ];
    expect(describeCurve(points, sizes)).toBe(
      "each tenfold of rows changes the rate by -5 % of the first; on, 1,000 million rows would take 5100 sightings a second, as long as memory holds the indexes: 200 GB by then, and this machine's 24 GB hold those of 120 million; beyond that each new row waits for the disk",
    );
    expect(describeCurve(points.slice(1), sizes)).toContain('nothing is said');
  });

  it('never falls below nothing', () => {
    expect(readCurve({ perSecondAtOne: 100, perTenfold: -50 }, 1e9)).toBe(0);
  });
});
