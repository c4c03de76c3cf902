import { describe, expect, it } from 'vitest';
import { MAX_ALLOWANCES, openAllowances } from './allowances.ts';

async function allowances(saved?: string) {
  const state = { nowMs: 1_000, text: saved, fails: false };
  const opened = await openAllowances({
    load: async () => state.text,
    save: async (text) => {
      if (state.fails) throw new Error('disk full');
      state.text = text;
    },
    now: () => state.nowMs,
  });
  return { state, opened };
}

const of = (network: string, untilMs: number) => ({ network, untilMs, by: 'alice' });

describe('allowances', () => {
  it('last until their end, also over a restart, and can be moved and taken back', async () => {
    const { opened, state } = await allowances();
    await opened.add(of('192.0.2.0/24', 9_000));
    await opened.add(of('2001:db8::1', 5_000));
    await opened.add(of('192.0.2.0/24', 4_000));
    const again = (await allowances(state.text)).opened;
    expect(again.list().map(({ network }) => network)).toEqual(['192.0.2.0/24', '2001:db8::1']);
    expect(await again.remove('2001:db8::1')).toBe(true);
    expect(await again.remove('2001:db8::1')).toBe(false);
    state.nowMs = 4_000;
    expect(opened.list().map(({ network }) => network)).toEqual(['2001:db8::1']);
  });

  it('hold when they cannot be kept, and say that they will not last', async () => {
    const { opened, state } = await allowances();
    state.fails = true;
    expect(await opened.add(of('192.0.2.1', 9_000))).toBe('unkept');
    expect(opened.list()).toHaveLength(1);
  });

  it('lose none of several that come at once', async () => {
    const { opened } = await allowances();
    await Promise.all([1, 2, 3].map((i) => opened.add(of(`192.0.2.${i}`, 9_000))));
    expect(opened.list()).toHaveLength(3);
  });

  it('are none when the file is damaged, and no more than are compared in no time', async () => {
    const { opened } = await allowances('[{"network":"192.0.2.1/24"}]');
    expect(opened.list()).toEqual([]);
    for (let i = 0; i < MAX_ALLOWANCES; i++) await opened.add(of(`10.0.${i}.0/24`, 9_000));
    expect(await opened.add(of('192.0.2.1', 9_000))).toBe('too many');
    expect(await opened.add(of('10.0.0.0/24', 8_000))).toBe('kept');
  });
});
