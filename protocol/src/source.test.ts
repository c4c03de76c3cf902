import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { familyOf } from './address.ts';
import { anyAddress, anyCidr } from './arbitraries.ts';
import { contains, prefixLength } from './cidr.ts';
import { addressSchema, isSingleSource, parseSource, sourceOf, sourceSchema } from './source.ts';

describe('the source of an address', () => {
  it('is the IPv4 address itself, and the /64 of an IPv6 address', () => {
    expect(sourceOf('192.0.2.1')).toBe('192.0.2.1');
    expect(sourceOf('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64');
  });

  it('is the IPv6 address itself on a directly connected network', () => {
    expect(sourceOf('2001:db8::7', ['2001:db8::/64'])).toBe('2001:db8::7');
    expect(sourceOf('2001:db8:0:1::7', ['2001:db8::/64'])).toBe('2001:db8:0:1::/64');
  });

  it('holds the address, is canonical, and is never wider than a /64', () => {
    fc.assert(
      fc.property(anyAddress, fc.array(anyCidr, { maxLength: 3 }), (address, onLink) => {
        const source = sourceOf(address, onLink);
        expect(contains(source, address)).toBe(true);
        expect(sourceSchema.parse(source)).toBe(source);
        expect(prefixLength(source)).toBeGreaterThanOrEqual(familyOf(address) === 4 ? 32 : 64);
      }),
    );
  });
});

describe('a single source', () => {
  it.each([
    ['192.0.2.1', true],
    ['2001:db8::7', true],
    ['2001:db8::/64', true],
    ['192.0.2.0/31', false],
    ['192.0.2.0/24', false],
    ['0.0.0.0/0', false],
    ['2001:db8::/63', false],
    ['2001:db8::/65', false],
    ['::/0', false],
  ])('%s: %s', (source, isSingle) => {
    expect(isSingleSource(source)).toBe(isSingle);
  });

  it('is what every address has', () => {
    fc.assert(
      fc.property(anyAddress, fc.array(anyCidr, { maxLength: 3 }), (address, onLink) => {
        expect(isSingleSource(sourceOf(address, onLink))).toBe(true);
      }),
    );
  });
});

describe('a source in text', () => {
  it.each([
    ['192.0.2.1/32', '192.0.2.1'],
    ['2001:db8::1/128', '2001:db8::1'],
    ['::ffff:192.0.2.1/128', '192.0.2.1'],
    ['192.0.2.0/24', '192.0.2.0/24'],
    ['2001:DB8::/64', '2001:db8::/64'],
    ['2001:db8::/32', '2001:db8::/32'],
  ])('is read from %s as %s', (text, source) => {
    expect(parseSource(text)).toBe(source);
  });

  it('has one canonical text: every network reads as a source that reads as itself', () => {
    fc.assert(
      fc.property(anyCidr, (cidr) => {
        const source = parseSource(cidr);
        expect(source).toBeDefined();
        expect(parseSource(source ?? '')).toBe(source);
      }),
    );
  });

  it.each([
    '192.0.2.1/32',
    '2001:db8::1/128',
    '2001:DB8::/64',
    '192.0.2.1/24',
    ' 192.0.2.1',
    '',
    'fe80::1%eth0',
  ])('is refused on the wire when it is not canonical: "%s"', (text) => {
    expect(sourceSchema.safeParse(text).success).toBe(false);
  });

  it('is no plain address when it is a network', () => {
    expect(addressSchema.safeParse('192.0.2.0/24').success).toBe(false);
    expect(addressSchema.safeParse('::ffff:192.0.2.1').success).toBe(false);
  });
});
