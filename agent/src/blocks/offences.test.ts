import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blockMs, type Escalation, openOffences, standing } from './offences.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const ESCALATION: Escalation = {
  duration: HOUR_MS,
  factor: 4,
  longest: 7 * DAY_MS,
  longest_forgeable: DAY_MS,
  forgive: 7 * DAY_MS,
};

async function history(saved?: string) {
  const state = { nowMs: 1_000_000, text: saved, saves: 0 };
  const offences = await openOffences({
    escalation: ESCALATION,
    load: async () => state.text,
    save: async (text) => {
      state.saves++;
      state.text = text;
    },
    now: () => state.nowMs,
  });
  return { state, offences };
}

describe('the length of a block', () => {
  it('is 1 h, 4 h, 16 h, 64 h, and then a week, by the default policy, and a day at most on forgeable evidence', () => {
    expect([0, 1, 2, 3, 4, 50].map((n) => blockMs(ESCALATION, n, 'handshake') / HOUR_MS)).toEqual([
      1, 4, 16, 64, 168, 168,
    ]);
  });

  it('never shrinks with another offence, and stays between the first and the longest', () => {
    fc.assert(
      fc.property(
        fc.record({
          duration: fc.integer({ min: 10_000, max: 31 * DAY_MS }),
          factor: fc.double({ min: 1, max: 10, noNaN: true }),
          longest: fc.integer({ min: 10_000, max: 31 * DAY_MS }),
          longest_forgeable: fc.constant(DAY_MS),
          forgive: fc.constant(DAY_MS),
        }),
        fc.integer({ min: 0, max: 10_000 }),
        fc.constantFrom('handshake' as const, 'forgeable' as const),
        (escalation, n, evidence) => {
          const [now, next] = [blockMs(escalation, n, evidence), blockMs(escalation, n + 1, evidence)];
          expect(next).toBeGreaterThanOrEqual(now);
          const longest = Math.max(
            escalation.duration,
            evidence === 'handshake' ? escalation.longest : DAY_MS,
          );
          expect(next).toBeLessThanOrEqual(longest);
          expect(now).toBeGreaterThanOrEqual(escalation.duration);
        },
      ),
    );
  });
});

describe('what still counts', () => {
  it('is one offence less for each whole week of good behaviour after the last block', () => {
    const offence = { count: 3, lastMs: 0 };
    const weeks = [0, 0.9, 1, 2, 3, 9].map((n) => standing(offence, ESCALATION, n * 7 * DAY_MS));
    expect(weeks).toEqual([3, 3, 2, 1, 0, 0]);
    expect(standing(offence, ESCALATION, -DAY_MS)).toBe(3);
  });
});

describe('the history of offenders', () => {
  it('knows by the end of a block whether its trip was counted already', async () => {
    const { state, offences } = await history();
    expect(offences.countedUntil('192.0.2.1', state.nowMs + HOUR_MS)).toBeUndefined();
    const endMs = state.nowMs + offences.commit('192.0.2.1', 'forgeable');
    expect(offences.countedUntil('192.0.2.1', endMs)).toBe(endMs);
    expect(offences.countedUntil('192.0.2.1', endMs + 1_000)).toBe(endMs);
    expect(offences.countedUntil('192.0.2.1', endMs + HOUR_MS)).toBeUndefined();
  });

  it('makes the next block longer, and survives a restart', async () => {
    const first = await history();
    expect(first.offences.commit('192.0.2.1', 'forgeable')).toBe(HOUR_MS);
    await first.offences.save();
    const second = await history(first.state.text);
    second.state.nowMs += HOUR_MS;
    expect(second.offences.count('192.0.2.1')).toBe(1);
    expect(second.offences.commit('192.0.2.1', 'forgeable')).toBe(4 * HOUR_MS);
    second.state.nowMs += 4 * HOUR_MS + 14 * DAY_MS;
    expect(second.offences.commit('192.0.2.1', 'forgeable')).toBe(HOUR_MS);
  });

  it('forgets whom a person pardons', async () => {
    const { offences } = await history();
    offences.commit('192.0.2.1', 'forgeable');
    offences.pardon('192.0.2.1');
    expect(offences.commit('192.0.2.1', 'forgeable')).toBe(HOUR_MS);
  });

  it('writes only what changed, tries again after a failure, and takes a damaged file for none', async () => {
    const { offences, state } = await history('[["x",1,1]]');
    await offences.save();
    expect(state.saves).toBe(0);
    offences.commit('192.0.2.1', 'forgeable');
    await offences.save();
    await offences.save();
    expect(state.saves).toBe(1);
    let fails = true;
    const broken = await openOffences({
      escalation: ESCALATION,
      load: async () => undefined,
      save: async () => {
        if (fails) throw new Error('disk full');
      },
      now: () => 1,
    });
    broken.commit('192.0.2.1', 'forgeable');
    await expect(broken.save()).rejects.toThrow('disk full');
    fails = false;
    await expect(broken.save()).resolves.toBeUndefined();
  });

  it('remembers the ones that came last when there are too many', async () => {
    const { offences } = await history();
    for (let i = 0; i < 65_537; i++)
      offences.commit(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, 'forgeable');
    expect([offences.count('10.0.0.0'), offences.count('10.1.0.0')]).toEqual([0, 1]);
  });
});
