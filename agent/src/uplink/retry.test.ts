import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backOffMs, retryAfterMs } from './retry.ts';

describe('the wait before the next try', () => {
  it('doubles up to a minute, at least half of it for sure', () => {
    expect([1, 2, 3, 8, 100].map((failures) => backOffMs(failures, () => 1))).toEqual([
      500, 1000, 2000, 60_000, 60_000,
    ]);
    expect(backOffMs(8, () => 0)).toBe(30_000);
  });

  it.each([
    ['0', 0],
    ['120', 120_000],
    [' 7 ', 7000],
    ['999999999', 600_000],
    ['Thu, 01 Jan 1970 00:01:40 GMT', 90_000],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
    ['soon', undefined],
    ['-5', undefined],
    ['1.5', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('is what Retry-After %j asks for', (header, expected) => {
    expect(retryAfterMs(header, 10_000, () => 0)).toBe(expected);
  });

  it('is up to a fifth longer than asked, so that hosts that were told the same do not come at once', () => {
    expect([0, 0.5, 1].map((random) => retryAfterMs('30', 0, () => random))).toEqual([
      30_000, 33_000, 36_000,
    ]);
    expect(retryAfterMs('599', 0, () => 1)).toBe(600_000);
  });

  it('is never negative nor longer than ten minutes, whatever the header', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.nat().map(String), fc.date().map(String)), (header) => {
        const waitMs = retryAfterMs(header, 0) ?? 0;
        expect(waitMs).toBeGreaterThanOrEqual(0);
        expect(waitMs).toBeLessThanOrEqual(600_000);
      }),
    );
  });
});
