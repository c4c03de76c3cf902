import { BlockList } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import malformed from '../testdata/malformed/cidrs.json' with { type: 'json' };
import { familyOf } from './address.ts';
import { anyAddress, anyCidr } from './arbitraries.ts';
import { cidrOf, contains, overlaps, parseCidr, prefixLength } from './cidr.ts';

describe('a network', () => {
  it.each(malformed)('is refused: $text ($why)', ({ text }) => {
    const result = parseCidr(text);
    expect(result).toMatchObject({ ok: false });
    expect(!result.ok && result.reason).toContain(text);
  });

  it.each([
    ['192.0.2.1', '192.0.2.1/32'],
    ['192.0.2.0/24', '192.0.2.0/24'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['2001:DB8::/64', '2001:db8::/64'],
    ['2001:db8::1', '2001:db8::1/128'],
    ['::ffff:192.0.2.0/120', '192.0.2.0/24'],
    ['::ffff:192.0.2.1', '192.0.2.1/32'],
    ['::ffff:0:0/96', '0.0.0.0/0'],
  ])('is read from %s as %s', (text, cidr) => {
    expect(parseCidr(text)).toEqual({ ok: true, cidr });
  });

  it('names the network that was meant when host bits are set', () => {
    expect(parseCidr('192.0.2.77/24')).toMatchObject({ reason: expect.stringContaining('192.0.2.0/24?') });
  });

  it('is its own canonical text', () => {
    fc.assert(
      fc.property(anyCidr, (cidr) => {
        expect(parseCidr(cidr)).toEqual({ ok: true, cidr });
      }),
    );
  });

  it('holds the address it was made around, and nothing of the other family', () => {
    fc.assert(
      fc.property(anyAddress, fc.nat(32), anyAddress, (address, length, other) => {
        const cidr = cidrOf(address, length);
        expect(prefixLength(cidr)).toBe(length);
        expect(contains(cidr, address)).toBe(true);
        if (familyOf(other) !== familyOf(address)) expect(contains(cidr, other)).toBe(false);
      }),
    );
  });

  it('holds what Node’s own block list says it holds', () => {
    fc.assert(
      fc.property(anyCidr, anyAddress, fc.boolean(), fc.nat(32), (cidr, far, near, length) => {
        const address = near ? (cidrOf(cidr.split('/')[0] ?? '', length).split('/')[0] ?? '') : far;
        fc.pre(familyOf(address) === familyOf(cidr));
        const family = familyOf(cidr) === 4 ? 'ipv4' : 'ipv6';
        const list = new BlockList();
        list.addSubnet(cidr.split('/')[0] ?? '', prefixLength(cidr), family);
        expect(contains(cidr, address)).toBe(list.check(address, family));
      }),
    );
  });

  it('overlaps another exactly when one holds the other', () => {
    fc.assert(
      fc.property(anyCidr, anyCidr, (one, other) => {
        expect(overlaps(one, other)).toBe(overlaps(other, one));
        expect(overlaps(one, one)).toBe(true);
        if (contains(one, other) && contains(other, one)) expect(one).toBe(other);
      }),
    );
  });
});
