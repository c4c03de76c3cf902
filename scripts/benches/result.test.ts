import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { foldRounds, foldValues, median, resultSchema } from './result.ts';

const row = (value: number | boolean, metric = 'blockMs') => ({
  case: 'syn-v4',
  who: 'picket-kernel',
  metric,
  unit: typeof value === 'boolean' ? 'bool' : 'ms',
  value,
});

describe('folding of rounds', () => {
  it('takes the median of numbers and the worst of answers', () => {
    expect([median([3, 1, 2]), median([4, 1, 2, 3]), foldValues([true, false, true])]).toEqual([
      2,
      2.5,
      false,
    ]);
  });

  it('leaves one row a cell, in the order of their first appearance', () => {
    const rows = [row(3), row(true, 'detected'), row(1), row(true, 'detected'), row(2)];
    expect(foldRounds(rows)).toEqual([row(2), row(true, 'detected')]);
  });

  test('a median lies between the least and the greatest, whatever the order', () => {
    const numbers = fc.array(fc.integer({ min: -1e6, max: 1e6 }), { minLength: 1 });
    fc.assert(
      fc.property(numbers, (values) => {
        const middle = median(values);
        expect(middle).toBeGreaterThanOrEqual(Math.min(...values));
        expect(middle).toBeLessThanOrEqual(Math.max(...values));
        expect(median(values.toReversed())).toBe(middle);
      }),
    );
  });
});

describe('what --json writes', () => {
  const result = {
    name: 'matrix',
    at: '2026-01-02T03:04:05.678Z',
    machine: { cpus: 2, cpu: 'x', kernel: 'Linux 6.1', node: 'v20.19.0', memoryMb: 1024, load: 0.1 },
    rounds: 1,
    deviations: [],
    remarks: [],
    rows: [row(1), row(false, 'detected')],
  };

  it('is checked, field by field', () => {
    expect(resultSchema.parse(result)).toEqual(result);
    expect(resultSchema.safeParse({ ...result, rows: [{ ...row(1), value: 'fast' }] }).success).toBe(false);
    expect(resultSchema.safeParse({ ...result, at: 'yesterday' }).success).toBe(false);
  });

  it('never holds a figure that is no number', () => {
    expect(resultSchema.safeParse({ ...result, rows: [row(Number.NaN)] }).success).toBe(false);
  });
});
