import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLoss } from './kernel-loss.ts';

describe('what the kernel told and nobody got', () => {
  it('is not what is only on its way', () => {
    const loss = createLoss();
    const looks = [
      [0, 0],
      [900, 500],
      [1_000, 1_000],
      [1_500, 1_200],
      [1_600, 1_600],
    ] as const;
    const told = looks.map((look) => {
      loss.note(look[0], look[1]);
      return loss.probes;
    });
    expect(told).toEqual([0, 0, 0, 0, 0]);
  });

  it('is known when it stays missing', () => {
    const loss = createLoss();
    for (const received of [100, 900, 1_900, 2_900]) loss.note(received + 100, received);
    expect(loss.probes).toBe(100);
  });

  it('is never more than was lost or on its way at once, and never becomes less', () => {
    const step = fc.record({ counted: fc.nat(100), lost: fc.nat(20), arrives: fc.nat(200) });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const loss = createLoss();
        let [counted, received, lost, inPipe, before, most] = [0, 0, 0, 0, 0, 0];
        for (const each of steps) {
          counted += each.counted;
          lost += Math.min(each.lost, each.counted);
          inPipe += each.counted - Math.min(each.lost, each.counted);
          const arrived = Math.min(each.arrives, inPipe);
          [inPipe, received] = [inPipe - arrived, received + arrived];
          loss.note(counted, received);
          most = Math.max(most, inPipe);
          expect(loss.probes).toBeGreaterThanOrEqual(before);
          expect(loss.probes).toBeLessThanOrEqual(lost + most);
          before = loss.probes;
        }
      }),
    );
  });
});
