import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sighting } from '../testing/sighting.ts';
import { packToken, unpackToken } from './packed-token.ts';

const part = (text: string) => Buffer.from(text).toString('base64url');

const tokenOf = (sightings: number, over: object = {}) => {
  const seen = Array.from({ length: sightings }, (_, i) => sighting({ source: `198.51.100.${i}`, ...over }));
  const claims = {
    iss: 'urn:picket:host:0198',
    events: { 'urn:picket:event:sightings': { sightings: seen } },
  };
  const header = { alg: 'Ed25519', typ: 'secevent+jwt', kid: 'x'.repeat(43) };
  return [part(JSON.stringify(header)), part(JSON.stringify(claims)), part('s'.repeat(64))].join('.');
};

describe('a packed token', () => {
  test('gives back every byte, whatever came', () => {
    const base64url = fc.string({ unit: fc.constantFrom(...'AQgwaz09-_'), maxLength: 90 });
    const anything = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.tuple(base64url, base64url, base64url).map((parts) => parts.join('.')),
      fc
        .tuple(fc.string(), fc.string())
        .map(([header, payload]) => `${part(header)}.${part(payload)}.${part('s'.repeat(64))}`),
    );
    fc.assert(fc.property(anything, (token) => unpackToken(packToken(token)) === token));
  });

  test('is much smaller than the token, also with a single sighting', () => {
    for (const [count, most] of [
      [1, 0.45],
      [200, 0.25],
    ] as const) {
      const token = tokenOf(count);
      expect(packToken(token).length).toBeLessThan(token.length * most);
    }
  });

  test('of text that is no base64url, or not the only one of its bytes, is kept as it is', () => {
    for (const token of ['', 'a.b', 'ab.cd.ef', `${part('{}')}.AB.${part('s'.repeat(64))}`])
      expect(Buffer.from(packToken(token)).toString('utf8', 1)).toBe(token);
  });

  test('of a form that is not known is refused', () => {
    expect(() => unpackToken(Buffer.of(9, 1, 2))).toThrow(/unknown form 9/);
  });

  test('of the first form is read for good', () => {
    const signed = ['{"alg":"Ed25519","typ":"secevent+jwt","kid":"k"}', FIRST_CLAIMS, 's'.repeat(64)];
    expect(unpackToken(Buffer.from(FIRST_PACKED, 'base64'))).toBe(signed.map(part).join('.'));
  });
});

const FIRST_CLAIMS = '{"iss":"urn:picket:host:1","events":{"urn:picket:event:sightings":{"sightings":[]}}}';

/** As it was packed first. A change of the dictionary would make what is stored unreadable, and fail here. */
const FIRST_PACKED =
  'AQAwc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3NzcyMpWWfjTteGSuQlQZAbAA==';
