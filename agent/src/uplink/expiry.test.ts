import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startExpiry } from './expiry.ts';

const [HOUR_MS, DAY_MS] = [3_600_000, 86_400_000];

let end: () => void;
let expired: number[];
let isLearned: boolean;

beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 10, 24) });
  [expired, isLearned] = [[], true];
  end = startExpiry({
    spool: { expire: (beforeMs) => expired.push(beforeMs) },
    clock: { isLearned: () => isLearned, nowMs: () => Date.now() },
    ageMs: DAY_MS,
  });
});
afterEach(() => {
  end();
  vi.useRealTimers();
});

describe('what has waited too long', () => {
  it('is given up a minute after the start, and then each hour', () => {
    vi.advanceTimersByTime(60_000);
    expect(expired).toEqual([Date.now() - DAY_MS]);
    vi.advanceTimersByTime(3 * HOUR_MS);
    expect(expired).toHaveLength(4);
  });

  it('is given up by the host’s own clock once a day went by without the collector’s word', () => {
    isLearned = false;
    vi.advanceTimersByTime(23 * HOUR_MS);
    expect(expired).toEqual([]);
    vi.advanceTimersByTime(2 * HOUR_MS);
    expect(expired.length).toBeGreaterThan(0);
  });

  it('waits for a day anew when the clock was set meanwhile', () => {
    vi.advanceTimersByTime(60_000);
    isLearned = false;
    vi.advanceTimersByTime(23 * HOUR_MS);
    expect(expired).toHaveLength(1);
  });

  it('is left alone after the end', () => {
    end();
    vi.advanceTimersByTime(DAY_MS);
    expect(expired).toEqual([]);
  });
});
