import { describe, expect, it } from 'vitest';
import { transportChecksum } from './checksum.ts';
import { crc32c } from './crc32c.ts';
import { bytes } from './testing/bytes.ts';

const V4 = { bytes: bytes('c6336407 cb00710a'), addresses: 0, version: 4 } as const;
const V6 = { bytes: bytes(`${'20010db8'.repeat(8)}`), addresses: 0, version: 6 } as const;

const check = (protocol: number, hex: string, pseudo: typeof V4 | typeof V6 = V4) => {
  const segment = bytes(hex);
  return transportChecksum(segment, 0, segment.length, protocol, pseudo);
};

describe('transportChecksum', () => {
  it('has no checksum to verify where UDP over IPv4 has none, and none may be missing over IPv6', () => {
    expect(check(17, '9c40 00a1 0008 0000')).toBe('good');
    expect(check(17, '9c40 00a1 0008 0000', V6)).toBe('bad');
  });

  it('covers as much as the length of UDP says', () => {
    expect(check(17, '9c40 00a1 0008 c2bc')).toBe(check(17, '9c40 00a1 0008 c2bc ffff'));
    expect(check(17, '9c40 00a1 0009 0000')).toBe('bad');
    expect(check(17, '9c40 00a1 0007 0000')).toBe('bad');
  });

  it('takes a TCP header that is longer than its segment for bad', () => {
    expect(check(6, `${'00'.repeat(12)} 6002 0400 0000 0000`)).toBe('bad');
    expect(check(6, `${'00'.repeat(12)} 4002 0400 0000 0000`)).toBe('bad');
  });

  it('leaves open what a sender leaves to hardware: the sum of the pseudo header, or no CRC', () => {
    // c633 + 6407 + cb00 + 710a, protocol 6 and 20 bytes, folded.
    expect(check(6, `${'11'.repeat(12)} 5002 0400 6660 0000`)).toBe('unknown');
    expect(check(132, '9c40 8e3c 00000000 00000000 01000014')).toBe('unknown');
  });
});

describe('crc32c', () => {
  it('gives the check value of its polynomial', () => {
    expect(crc32c(new TextEncoder().encode('123456789'), 0, 9, 9)).toBe(0xe3069283);
  });
});
