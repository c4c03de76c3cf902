import { expect, it } from 'vitest';
import { percentile } from './percentile.ts';

it('is the nearest rank', () => {
  const hundred = Array.from({ length: 100 }, (_, i) => i + 1);
  expect([50, 99, 100].map((p) => percentile(hundred, p))).toEqual([50, 99, 100]);
  expect(percentile([7], 50)).toBe(7);
});
