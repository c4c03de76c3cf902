import { type BlockEntry, MAX_SHARED_BLOCK_MS, type NeverBlockFacts, NO_FACTS } from '@picket/protocol';
import { describe, expect, it } from 'vitest';
import { parsePolicy } from '../policy/load.ts';
import { acceptList, DEFAULT_LIST_LIMITS, type ListLimits, listLimits } from './accept.ts';
import { createClock } from './clock.ts';
import { NO_LIST } from './list-state.ts';

const NOW = 1_790_000_000_000;
const HOUR = 3_600_000;

const block = (source: string, untilMs = NOW + HOUR): BlockEntry => [source, untilMs, 'held', 'scan'];

async function accept(
  entries: BlockEntry[],
  more: {
    facts?: Partial<NeverBlockFacts>;
    allow?: string[];
    most?: number;
    hostMs?: number;
    limits?: ListLimits;
  } = {},
) {
  const clock = createClock(() => more.hostMs ?? NOW);
  clock.learn(NOW / 1000);
  return acceptList(
    {
      ...NO_LIST,
      entries: new Map(entries.map((each) => [each[0], each])),
      allow: more.allow ?? [],
      version: 3,
    },
    {
      facts: { ...NO_FACTS, ...more.facts },
      limits: more.limits ?? { ...DEFAULT_LIST_LIMITS, maxEntries: more.most ?? 10 },
      clock,
    },
  );
}

describe('a host', () => {
  it('takes blocks of single sources', async () => {
    const list = [block('198.51.100.7'), block('2001:db8:5::/64'), block('2001:db8:6::1')];
    const { entries, refused, version } = await accept(list);
    expect([...entries.values()]).toEqual(list);
    expect([refused, version]).toEqual([{}, 3]);
  });

  it('refuses entry by entry what it never blocks, and counts by reason', async () => {
    const list = ['127.0.0.1', '192.0.2.1', '192.0.2.254', '203.0.113.9', '203.0.113.10', '198.51.100.7'];
    const { entries, refused } = await accept(
      list.map((source) => block(source)),
      { facts: { own: ['192.0.2.1'], gateways: ['192.0.2.254'] }, allow: ['203.0.113.0/24'] },
    );
    expect([...entries.keys()]).toEqual(['198.51.100.7']);
    expect(refused).toEqual({ loopback: 1, 'own address': 1, gateway: 1, 'allow list': 2 });
  });

  it('refuses what is wider than a source', async () => {
    const { entries, refused } = await accept(
      ['198.51.100.0/31', '0.0.0.0/0', '2001:db8::/63'].map((s) => block(s)),
    );
    expect([entries.size, refused]).toEqual([0, { 'too wide': 3 }]);
  });

  it('takes networks as wide as its policy says, by default IPv4 /24 and IPv6 /48', async () => {
    const taken = ['198.51.100.0/24', '198.51.101.0/31', '2001:db8:5::/48', '2001:db8:6::/63'];
    const list = [...taken, '198.51.0.0/23', '2001:db8::/47'].map((source) => block(source));
    const { entries, refused } = await accept(list, { limits: listLimits(parsePolicy('', '')) });
    expect([[...entries.keys()], refused]).toEqual([taken, { 'too wide': 2 }]);
    const wide = parsePolicy('[block]\nshared_min_prefix4 = 8\nshared_min_prefix6 = 32', '');
    const wider = await accept([block('10.0.0.0/8'), block('2001:db8::/31')], { limits: listLimits(wide) });
    expect([[...wider.entries.keys()], wider.refused]).toEqual([['10.0.0.0/8'], { 'too wide': 1 }]);
  });

  it('takes no network that overlaps an address it never blocks', async () => {
    const list = ['192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24', '2001:db8:1::/48', '2001:db8:2::/48'];
    const { entries, refused } = await accept(
      list.map((source) => block(source)),
      {
        facts: { own: ['192.0.2.77'], collectors: ['2001:db8:1:9::7'], allow: ['203.0.113.9'] },
        limits: listLimits(parsePolicy('', '')),
      },
    );
    expect([...entries.keys()]).toEqual(['198.51.100.0/24', '2001:db8:2::/48']);
    expect(refused).toEqual({ 'own address': 1, collector: 1, 'allow list': 1 });
  });

  it.each(['2001:db8::/65', '2001:db8::/96', '2001:db8::/127'])(
    'refuses %s, which the firewall could not hold, and says so',
    async (source) => {
      const { entries, refused } = await accept([block(source)]);
      expect([entries.size, refused]).toEqual([0, { 'no single source': 1 }]);
    },
  );

  it('never blocks what the allow list holds or overlaps, of either family', async () => {
    const allow = ['203.0.113.9', '203.0.113.10/32', '2001:db8:1::7', '2001:db8:2::/64', '2001:db8:3::7/128'];
    const inside = ['203.0.113.9', '203.0.113.10', '2001:db8:1::7', '2001:db8:1::/64', '2001:db8:2::5'];
    const beside = ['203.0.113.8', '2001:db8:1::8', '2001:db8:4::/64'];
    const { entries, refused } = await accept(
      [...inside, '2001:db8:3::/64', ...beside].map((source) => block(source)),
      { allow },
    );
    expect([...entries.keys()]).toEqual(beside);
    expect(refused).toEqual({ 'allow list': 6 });
  });

  it('leaves time for other work while it decides on a long list beside a long allow list', async () => {
    const list = Array.from({ length: 20_000 }, (_, n) =>
      block(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`),
    );
    const allow = Array.from({ length: 1000 }, (_, n) => `172.${16 + (n >> 8)}.${n & 255}.0/24`);
    let [turns, isDone] = [0, false];
    const deciding = accept(list, { allow, most: 100_000 }).finally(() => {
      isDone = true;
    });
    while (!isDone) {
      turns += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await deciding).entries.size).toBe(20_000);
    expect(turns).toBeGreaterThan(20);
  });

  it('takes no more than it has room for', async () => {
    const { entries, refused } = await accept(
      [1, 2, 3, 4, 5].map((n) => block(`198.51.100.${n}`)),
      { most: 3 },
    );
    expect([entries.size, refused]).toEqual([3, { 'too many': 2 }]);
  });

  it('cuts a block that is too long, and says so', async () => {
    const { entries, refused } = await accept([block('198.51.100.7', NOW + 90 * 24 * HOUR)]);
    expect(entries.get('198.51.100.7')?.[1]).toBe(NOW + MAX_SHARED_BLOCK_MS);
    expect(refused).toEqual({ 'too long': 1 });
  });

  it('leaves out what has ended', async () => {
    const { entries, refused } = await accept([block('198.51.100.7', NOW - 1)]);
    expect([entries.size, refused]).toEqual([0, {}]);
  });

  it('puts ends in its own clock', async () => {
    const { entries } = await accept([block('198.51.100.7')], { hostMs: NOW - 5 * HOUR });
    const endMs = entries.get('198.51.100.7')?.[1] ?? 0;
    expect(Math.abs(endMs - (NOW - 4 * HOUR))).toBeLessThan(1000);
  });
});
