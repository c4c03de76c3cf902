import type { BlockEntry } from '@picket/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openLifted } from './lifted.ts';
import { formatPause, openStance, parsePause } from './stance.ts';

function files(text?: string) {
  const state = { text, nowMs: 1_000 };
  const parts = {
    load: async () => state.text,
    save: async (next: string | undefined) => {
      state.text = next;
    },
    now: () => state.nowMs,
  };
  return { state, parts };
}

describe('the stance of a host', () => {
  it.each([
    ['enforce', undefined, 'enforce'],
    ['enforce', {}, 'observe'],
    ['observe', undefined, 'observe'],
    ['observe', {}, 'observe'],
  ] as const)('of a policy that says %s in a network that wants %j is %s', async (own, network, mode) => {
    const stance = await openStance({ own, ...files().parts });
    stance.setNetwork(network);
    expect(stance.now().mode).toBe(mode);
  });

  it('is paused over a restart, until the pause ends or a person ends it', async () => {
    const { state, parts } = files();
    const first = await openStance({ own: 'enforce', ...parts });
    await first.pause({ atMs: 1_000, untilMs: 5_000, by: 'alice' });
    const second = await openStance({ own: 'enforce', ...parts });
    expect(second.now()).toEqual({ mode: 'paused', untilMs: 5_000, by: 'alice' });
    state.nowMs = 5_000;
    expect(second.now().mode).toBe('enforce');
    expect(await second.resume()).toBe(false);
    expect(state.text).toBeUndefined();
  });

  it('tells that its file is damaged, and pauses nothing', async () => {
    let told = 0;
    const damaged = () => void told++;
    const stance = await openStance({ own: 'enforce', damaged, ...files('{"atMs":1').parts });
    expect([told, stance.now().mode]).toEqual([1, 'enforce']);
    await openStance({ own: 'enforce', damaged, ...files().parts });
    expect(told).toBe(1);
  });

  it('goes back to observing when a pause ends', async () => {
    const stance = await openStance({ own: 'observe', ...files().parts });
    await stance.pause({ atMs: 1_000, untilMs: 5_000, by: 'alice' });
    expect(stance.now().mode).toBe('paused');
    expect(await stance.resume()).toBe(true);
    expect(stance.now().mode).toBe('observe');
  });

  it('is not changed by whatever else its file holds', () => {
    fc.assert(fc.property(fc.string(), (text) => parsePause(text) === undefined));
    const pause = { atMs: 1, untilMs: 2, by: 'root' };
    expect(parsePause(formatPause(pause))).toEqual(pause);
  });
});

describe('lifted shared blocks', () => {
  const entry = (untilMs: number): BlockEntry => ['198.51.100.7', untilMs, 'held', 'scan'];

  it.each([
    ['ahead', 700_000, 600_000],
    ['behind', 1_000, 60_000],
  ])('are forgotten in no clock too early: a host %s, whose clock is set later', async (_, nowMs, until) => {
    const { state, parts } = files();
    state.nowMs = nowMs;
    const lifted = await openLifted(parts);
    // The collector's clock says a hundred seconds, whatever the host's says.
    await lifted.add([{ entry: entry(until), hostUntilMs: nowMs + 100_000 }]);
    state.nowMs = nowMs + 50_000;
    await lifted.add([]);
    expect((await openLifted(parts)).has(entry(until))).toBe(true);
  });

  it('are read from a file of before, whose ends are in the host clock', async () => {
    const lifted = await openLifted(files('[["198.51.100.7", 100000]]').parts);
    expect(lifted.has(entry(102_000))).toBe(true);
  });

  it('stay lifted over a restart until the end they had', async () => {
    const { state, parts } = files();
    await (await openLifted(parts)).add([{ entry: entry(100_000), hostUntilMs: 100_000 }]);
    const lifted = await openLifted(parts);
    expect([lifted.has(entry(100_000)), lifted.has(entry(200_000)), lifted.has(undefined)]).toEqual([
      true,
      false,
      false,
    ]);
    expect(lifted.count()).toBe(1);
    state.nowMs = 100_000;
    expect(lifted.count()).toBe(0);
  });

  it('are none when the file is damaged', async () => {
    expect((await openLifted(files('[["no address", 5]]').parts)).count()).toBe(0);
  });
});
