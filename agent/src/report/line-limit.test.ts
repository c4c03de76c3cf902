import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineLimit } from './line-limit.ts';

const SOURCE = { burst: 3, perSecond: 1 };
const TOTAL = { burst: 10, perSecond: 2 };

describe('the limit of lines', () => {
  it('lets a burst through, then a line now and then, and counts the rest', () => {
    const limit = new LineLimit(SOURCE, TOTAL);
    expect([1, 2, 3, 4, 5].map(() => limit.allows('a', 0))).toEqual([true, true, true, false, false]);
    expect(limit.allows('a', 1000)).toBe(true);
    expect(limit.account(5)).toEqual({ bySource: [['a', 2]], others: 0 });
    expect(limit.account(5)).toEqual({ bySource: [], others: 0 });
  });

  it('does not let one source use up another’s lines', () => {
    const limit = new LineLimit(SOURCE, TOTAL);
    for (let i = 0; i < 100; i++) limit.allows('a', 0);
    expect(limit.allows('b', 0)).toBe(true);
  });

  it('bounds all sources together, and names the worst', () => {
    const limit = new LineLimit(SOURCE, TOTAL);
    const written = Array.from({ length: 1000 }, (_, i) => limit.allows(`s${i % 50}`, 0)).filter(Boolean);
    expect(written).toHaveLength(10);
    const { bySource, others } = limit.account(3);
    expect(bySource).toHaveLength(3);
    expect(others + bySource.reduce((sum, [, count]) => sum + count, 0)).toBe(990);
  });

  it('accounts for every line, in bounded memory, whatever comes', () => {
    const calls = fc.array(
      fc.record({ source: fc.nat({ max: 20 }), stepMs: fc.integer({ min: -500, max: 5000 }) }),
    );
    fc.assert(
      fc.property(calls, (all) => {
        const limit = new LineLimit(SOURCE, TOTAL);
        let [nowMs, written, furthestMs] = [0, 0, 0];
        for (const { source, stepMs } of all) {
          nowMs += stepMs;
          furthestMs = Math.max(furthestMs, nowMs);
          if (limit.allows(`s${source}`, nowMs)) written += 1;
        }
        const { bySource, others } = limit.account(4);
        expect(written + others + bySource.reduce((sum, [, count]) => sum + count, 0)).toBe(all.length);
        expect(written).toBeLessThanOrEqual(TOTAL.burst + (furthestMs / 1000) * TOTAL.perSecond + 1);
      }),
    );
    const limit = new LineLimit();
    for (let i = 0; i < 30_000; i++) limit.allows(`s${i}`, 0);
    const { bySource, others } = limit.account(0);
    expect([bySource, others]).toEqual([[], 29_500]);
  });
});
