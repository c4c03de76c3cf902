import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeRecord, decodeSegment, encodeRecord, type SpoolRecord } from './record.ts';

const jti = fc.uuid({ version: 7 });
const record: fc.Arbitrary<SpoolRecord> = fc.oneof(
  fc.record({ kind: fc.constant('ack' as const), jti }),
  fc.record({
    kind: fc.constant('batch' as const),
    batch: fc.record({
      jti,
      jws: fc.stringMatching(/^[A-Za-z0-9_-]{0,60}\.[A-Za-z0-9_-]{0,60}\.[A-Za-z0-9_-]{0,60}$/),
      hasTrip: fc.boolean(),
    }),
  }),
);

const recordsIn = (bytes: Buffer): SpoolRecord[] => decodeSegment(bytes).found.map((each) => each.record);

describe('a segment', () => {
  it('gives back what was written', () => {
    fc.assert(
      fc.property(fc.array(record), (records) => {
        const bytes = Buffer.concat(records.map(encodeRecord));
        const segment = decodeSegment(bytes);
        expect(segment.found.map((each) => each.record)).toEqual(records);
        expect(segment).toMatchObject({ goodBytes: bytes.length, damaged: 0 });
        for (const each of segment.found) expect(decodeRecord(bytes, each.offset)).toEqual(each);
      }),
    );
  });

  it('cut anywhere gives every whole record before the cut and no other', () => {
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 6 }), fc.nat(), (records, at) => {
        const parts = records.map(encodeRecord);
        const bytes = Buffer.concat(parts);
        const cut = at % (bytes.length + 1);
        let end = 0;
        const whole = parts.filter((part) => {
          end += part.length;
          return end <= cut;
        });
        const segment = decodeSegment(bytes.subarray(0, cut));
        expect(segment.found.map((each) => each.record)).toEqual(records.slice(0, whole.length));
        expect(segment.goodBytes).toBe(Buffer.concat(whole).length);
      }),
    );
  });

  it('with one byte changed loses one record at most and invents none', () => {
    fc.assert(
      fc.property(
        fc.array(record, { minLength: 1, maxLength: 6 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (records, at, change) => {
          const bytes = Buffer.concat(records.map(encodeRecord));
          const place = at % bytes.length;
          bytes[place] = (bytes[place] ?? 0) ^ change;
          const left = recordsIn(bytes);
          expect(left.length).toBe(records.length - 1);
          for (const each of left) expect(records).toContainEqual(each);
        },
      ),
    );
  });

  it('of any other bytes holds nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        expect(recordsIn(Buffer.from(noise))).toEqual([]);
      }),
    );
    expect(decodeSegment(Buffer.alloc(4096))).toEqual({ found: [], goodBytes: 0, damaged: 0 });
  });
});
