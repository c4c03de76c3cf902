import { addressFromBytes } from '@picket/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressAt, isMappedAt } from './address.ts';

/** Bytes of addresses with runs of zeros, where RFC 5952 has its rules. */
const address = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).chain((data) =>
    fc.array(fc.boolean(), { minLength: length / 2, maxLength: length / 2 }).map((zeros) => {
      for (const [i, isZero] of zeros.entries()) if (isZero) data.fill(0, 2 * i, 2 * i + 2);
      return data;
    }),
  );

describe('addressAt', () => {
  it('gives the same text as the shared address code', () => {
    fc.assert(
      fc.property(address(4), (data) => {
        expect(addressAt(data, 0, 4)).toBe(addressFromBytes(data));
      }),
    );
    fc.assert(
      fc.property(address(16), (data) => {
        if (isMappedAt(data, 0)) return;
        expect(addressAt(data, 0, 6)).toBe(addressFromBytes(data));
      }),
      { numRuns: 1_000 },
    );
  });
});
