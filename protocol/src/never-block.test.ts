import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyAddress, anyCidr } from './arbitraries.ts';
import { contains, overlaps } from './cidr.ts';
import { NO_FACTS, neverBlock } from './never-block.ts';
import { sourceOf } from './source.ts';

describe('never blocked', () => {
  it.each([
    ['127.0.0.1', 'loopback'],
    ['::1', 'loopback'],
    ['169.254.7.7', 'link-local'],
    ['fe80::/64', 'link-local'],
    ['224.0.0.1', 'multicast'],
    ['ff02::1', 'multicast'],
    ['0.0.0.0', 'unspecified'],
    ['0.0.0.0/0', 'loopback'],
    ['::/0', 'loopback'],
    ['255.255.255.255', 'broadcast'],
  ])('is %s: %s', (source, reason) => {
    expect(neverBlock(source, NO_FACTS)).toBe(reason);
  });

  it.each([
    ['own', 'own address'],
    ['gateways', 'gateway'],
    ['resolvers', 'resolver'],
    ['collectors', 'collector'],
    ['sessions', 'session'],
  ] as const)('is whatever holds one of the %s', (fact, reason) => {
    fc.assert(
      fc.property(anyAddress, (address) => {
        fc.pre(neverBlock(sourceOf(address), NO_FACTS) === undefined);
        expect(neverBlock(sourceOf(address), { ...NO_FACTS, [fact]: [address] })).toBe(reason);
      }),
    );
  });

  it('is what overlaps the allow list, and nothing else of ordinary addresses', () => {
    fc.assert(
      fc.property(anyCidr, fc.array(anyCidr, { maxLength: 5 }), (source, allow) => {
        fc.pre(neverBlock(source, NO_FACTS) === undefined);
        const expected = allow.some((entry) => overlaps(entry, source)) ? 'allow list' : undefined;
        expect(neverBlock(source, { ...NO_FACTS, allow })).toBe(expected);
      }),
    );
  });

  it('is not an ordinary source, of either family', () => {
    expect(neverBlock('203.0.113.9', NO_FACTS)).toBeUndefined();
    expect(neverBlock('2001:db8:5::/64', NO_FACTS)).toBeUndefined();
    expect(contains('203.0.113.0/24', '203.0.113.9')).toBe(true);
  });
});
