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
  it('stay lifted over a restart until the end they had', async () => {
    const { state, parts } = files();
    const block = { source: '198.51.100.7', untilMs: 100_000 };
    await (await openLifted(parts)).add([block]);
    const lifted = await openLifted(parts);
    expect(lifted.has(block)).toBe(true);
    expect(lifted.has({ ...block, untilMs: 200_000 })).toBe(false);
    expect(lifted.count()).toBe(1);
    state.nowMs = 100_000;
    expect(lifted.count()).toBe(0);
  });

  it('are none when the file is damaged', async () => {
    expect((await openLifted(files('[["no address", 5]]').parts)).count()).toBe(0);
  });
});
