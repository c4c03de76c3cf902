import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { collectorUrn, hostUrn, idOfUrn, networkUrn, unixMsSchema, uuid7Schema, uuid7TimeMs } from './ids.ts';

const ID = '01932e4a-7c00-7000-8000-00000000000b';

describe('an id', () => {
  it('holds the time it was made, ms', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 48 - 1), (ms) => {
        const hex = ms.toString(16).padStart(12, '0');
        const id = `${hex.slice(0, 8)}-${hex.slice(8)}-7abc-8abc-abcdefabcdef`;
        expect(uuid7Schema.safeParse(id).success).toBe(true);
        expect(uuid7TimeMs(id)).toBe(ms);
      }),
    );
  });

  it.each([
    ID.toUpperCase(),
    ID.replace('-7000', '-4000'),
    ID.replace('-8000', '-c000'),
    `${ID}\n`,
    `{${ID}}`,
    '',
  ])('is refused in any other form: "%s"', (text) => {
    expect(uuid7Schema.safeParse(text).success).toBe(false);
  });

  it('comes back from its own kind of URN only', () => {
    expect(idOfUrn('host', hostUrn(ID))).toBe(ID);
    expect(idOfUrn('network', networkUrn(ID))).toBe(ID);
    expect(idOfUrn('collector', collectorUrn(ID))).toBe(ID);
    for (const urn of [
      networkUrn(ID),
      ID,
      hostUrn(ID).toUpperCase(),
      `${hostUrn(ID)} `,
      hostUrn(hostUrn(ID)),
    ]) {
      expect(idOfUrn('host', urn)).toBeUndefined();
    }
  });
});

describe('a time', () => {
  it('is whole ms of the years 1970 to 2255', () => {
    for (const ms of [0, Date.now(), 9_007_199_254_740]) expect(unixMsSchema.parse(ms)).toBe(ms);
    for (const ms of [-1, 0.5, 9_007_199_254_741, Number.NaN, Number.POSITIVE_INFINITY, '0']) {
      expect(unixMsSchema.safeParse(ms).success).toBe(false);
    }
  });
});
