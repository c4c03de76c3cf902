import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeNflog } from './nflog.ts';
import { bytes, concat, number } from './testing/bytes.ts';

/** Inputs, two records each: five million in `scripts/test --full`. */
const FUZZ_RUNS = process.env.PICKET_TEST_FULL === '1' ? 2_500_000 : 5_000;

const syn = bytes(
  '4500 0028 0000 0000 4006 0000 c633 6407 cb00 710a 9c40 0017 00000000 00000000 5002 0400 00000000',
);

/** One NFLOG record: header, then attributes padded to 4 bytes, little-endian. */
function nflog(attributes: readonly (readonly [number, Uint8Array])[]): Uint8Array {
  const parts = attributes.map(([type, value]) => {
    const pad = new Uint8Array(-value.length & 3);
    return concat(number(4 + value.length, 2, true), number(type, 2, true), value, pad);
  });
  return concat(bytes('02 00 126b'), ...parts);
}

describe('decodeNflog', () => {
  const prefix = new TextEncoder().encode('picket trip\0');

  it('finds the prefix and the packet among other attributes', () => {
    const record = decodeNflog(
      nflog([
        [1, bytes('0800 01 00')],
        [10, prefix],
        [9, syn],
      ]),
    );
    expect(record?.prefix).toBe('picket trip');
    expect(record?.payload).toEqual(syn);
  });

  it('refuses a record without a packet, and one that is cut', () => {
    const whole = nflog([
      [10, prefix],
      [9, syn],
    ]);
    expect(decodeNflog(nflog([[10, prefix]]))).toBeUndefined();
    expect(decodeNflog(whole.subarray(0, whole.length - 5))).toBeUndefined();
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (data) => {
        decodeNflog(data);
        if (data.length > 1) data[1] = 0;
        decodeNflog(data);
      }),
      { numRuns: FUZZ_RUNS },
    );
  });
});
