import { cidrOf, parseAddress } from '@picket/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addBlocks, deleteBlocks } from './elements.ts';
import { changeRanges, rangeOf, rangeParts, rangeSet, rangesIn } from './ranges.ts';

const RANGE_4 = { tier: 'held', family: 4, length: 24 } as const;
const RANGE_6 = { tier: 'dropped', family: 6, length: 48 } as const;

describe('a set of shared networks', () => {
  it('is there for IPv4 /8 to /31 and IPv6 /19 to /63, and for nothing else', () => {
    const named = ['10.0.0.0/8', '192.0.2.0/31', '2001:db8::/19', '2001:db8::/63'].map((s) =>
      rangeOf(s, 'held'),
    );
    expect(named.map((range) => range && rangeSet(range))).toEqual([
      ...['shared_held4_8', 'shared_held4_31', 'shared_held6_19', 'shared_held6_63'],
    ]);
    for (const source of ['192.0.2.1', '10.0.0.0/7', '2001:db8::/64', '2001:db8::1', '2000::/18'])
      expect(rangeOf(source, 'held')).toBeUndefined();
  });

  it('takes the packet with the bits of the host cut off', () => {
    const rules = rangeParts([RANGE_4, RANGE_6], true).join('\n');
    expect(rules).toContain('ip saddr & 255.255.255.0 @shared_held4_24 counter name held drop');
    expect(rules).toContain('ip6 saddr & ffff:ffff:ffff:0:: @shared_dropped6_48 counter name dropped drop');
    expect(rangeParts([RANGE_4], false).join('\n')).not.toContain('drop\n');
  });

  it('has a mask of as many ones as its prefix is long, all in front', () => {
    const lengths = fc.oneof(
      fc.record({ family: fc.constant(4 as const), length: fc.integer({ min: 8, max: 31 }) }),
      fc.record({ family: fc.constant(6 as const), length: fc.integer({ min: 19, max: 63 }) }),
    );
    fc.assert(
      fc.property(lengths, (range) => {
        const [, mask = ''] =
          /saddr & (\S+)/.exec(rangeParts([{ ...range, tier: 'held' }], true).join(' ')) ?? [];
        const every = range.family === 4 ? '255.255.255.255' : 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff';
        expect(parseAddress(mask)).toBe(cidrOf(every, range.length).split('/')[0]);
      }),
    );
  });

  it('comes before its rules, and goes after them', () => {
    const lines = changeRanges([RANGE_4], [RANGE_6], true);
    const place = (text: string) => lines.findIndex((line) => line.startsWith(text));
    expect(place('add set inet picket shared_dropped6_48')).toBeLessThan(
      place('add rule inet picket ranges_dropped'),
    );
    expect(place('delete set inet picket shared_held4_24')).toBeGreaterThan(
      place('flush chain inet picket ranges_held'),
    );
  });

  it('is found by its name in what nft lists', () => {
    const listed = '{"nftables":[{"set":{"name":"shared_held4"}},{"set":{"name":"shared_dropped6_48"}}]}';
    expect(rangesIn(listed)).toEqual([RANGE_6]);
  });

  it('holds shared networks only: a local block of one has no set', () => {
    const network = { source: '192.0.2.0/24', tier: 'held' as const, untilMs: 61_000 };
    expect(addBlocks('shared', [network], 1_000)).toEqual([
      'add element inet picket shared_held4_24 { 192.0.2.0 timeout 60s }',
    ]);
    expect(deleteBlocks('shared', [network])).toHaveLength(2);
    expect(addBlocks('local', [network], 1_000)).toEqual([]);
  });
});
