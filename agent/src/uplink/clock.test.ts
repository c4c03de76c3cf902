import { describe, expect, it } from 'vitest';
import { createClock } from './clock.ts';

const T = 1_800_000_000_000;

describe('the clock', () => {
  it('is the host’s until the collector has spoken', () => {
    const clock = createClock(() => T);
    expect([clock.nowMs(), clock.isLearned(), clock.toHostMs(T + 5)]).toEqual([T, false, T + 5]);
  });

  it('leaves a host’s clock alone that is right to the second', () => {
    const clock = createClock(
      () => T + 900,
      () => 0,
    );
    clock.learn(T / 1000);
    expect([clock.offsetMs(), clock.isLearned()]).toEqual([0, true]);
  });

  it('follows the collector where the host is wrong, both ways', () => {
    const clock = createClock(() => 1000);
    clock.learn(T / 1000);
    expect(Math.abs(clock.nowMs() - T)).toBeLessThan(1000);
    expect(Math.abs(clock.toHostMs(T + 60_000) - 61_000)).toBeLessThan(1000);
  });

  it('returns to the host’s clock once that was set right', () => {
    let nowMs = 1000;
    const clock = createClock(
      () => nowMs,
      () => 0,
    );
    clock.learn(T / 1000);
    expect(clock.isLearned()).toBe(true);
    nowMs = T;
    expect(clock.isLearned(), 'the offset is in doubt once the clock was set').toBe(false);
    clock.learn(T / 1000);
    expect(clock.nowMs()).toBe(T);
  });

  it('believes no single reply that came late over a bad line, and two that the clock has drifted ahead', () => {
    let nowMs = T;
    const clock = createClock(
      () => nowMs,
      () => nowMs,
    );
    const replyLate = (byMs: number) => {
      nowMs += 30_000;
      clock.learn((nowMs - byMs) / 1000);
      return clock.offsetMs();
    };
    expect([replyLate(0), replyLate(6_200), replyLate(300), replyLate(9_000)]).toEqual([0, 0, 0, 0]);
    expect(replyLate(4_100), 'the earlier of two tells more').toBe(-4_100);
    expect(replyLate(0), 'a reply never comes early').toBe(0);
  });

  it('uses an unsigned hint for request tokens alone, and until it learns again', () => {
    const clock = createClock(() => 1000);
    clock.hint(new Date(T).toUTCString());
    expect([clock.requestNowMs(), clock.nowMs(), clock.toHostMs(5000)]).toEqual([T, 1000, 5000]);
    clock.learn(1);
    expect(clock.requestNowMs()).toBe(1000);
    clock.hint('rubbish');
    clock.hint(undefined);
    expect(clock.requestNowMs()).toBe(1000);
  });
});
