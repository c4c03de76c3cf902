import { SocketAddress } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import malformed from '../testdata/malformed/addresses.json' with { type: 'json' };
import { addressFromBytes, familyOf, parseAddress } from './address.ts';
import { anyAddress, anyBytes } from './arbitraries.ts';

describe('an address', () => {
  it.each(malformed)('is refused: $text ($why)', ({ text }) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['2001:DB8::A', '2001:db8::a'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:C000:201', '192.0.2.1'],
    ['0:0:0:0:0:ffff:192.0.2.1', '192.0.2.1'],
    ['::192.0.2.1', '::c000:201'],
    ['::127.0.0.1', '::7f00:1'],
    ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
    ['1:2:3:4:5:6:192.0.2.1', '1:2:3:4:5:6:c000:201'],
  ])('is read from %s as %s', (text, canonical) => {
    expect(parseAddress(text)).toBe(canonical);
  });

  it('is its own canonical text', () => {
    fc.assert(fc.property(anyAddress, (address) => parseAddress(address) === address));
  });

  it('is the text that RFC 5952 and Node’s own parser give', () => {
    fc.assert(
      fc.property(anyAddress, (address) => {
        const node = new SocketAddress({ address, family: familyOf(address) === 4 ? 'ipv4' : 'ipv6' })
          .address;
        // inet_ntop writes the tail of ::/96 in dots; as an address it is the same
        return node === address || (node.includes('.') && parseAddress(node) === address);
      }),
    );
  });

  it('tells its bytes apart: equal texts come only from equal addresses', () => {
    fc.assert(
      fc.property(anyBytes, anyBytes, (one, other) => {
        const mapped = (b: Uint8Array) => (b.length === 16 && isMapped(b) ? b.slice(12) : b);
        const same = mapped(one).join() === mapped(other).join();
        return (addressFromBytes(one) === addressFromBytes(other)) === same;
      }),
    );
  });

  it('is none for any other number of bytes', () => {
    const lengths = fc.uint8Array({ maxLength: 20 }).filter(({ length }) => length !== 4 && length !== 16);
    fc.assert(fc.property(lengths, (b) => addressFromBytes(b) === undefined));
  });

  it('never comes of arbitrary text without being canonical', () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'0123456789abf:./%x') }));
    fc.assert(
      fc.property(text, (t) => {
        const address = parseAddress(t);
        return address === undefined || parseAddress(address) === address;
      }),
      { numRuns: 2000 },
    );
  });
});

function isMapped(b: Uint8Array): boolean {
  return b.slice(0, 10).every((x) => x === 0) && b[10] === 255 && b[11] === 255;
}
