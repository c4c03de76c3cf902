import { EVENT_TYP } from '@picket/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readBody } from './body.ts';
import { cleanText } from './clean.ts';
import { readClaims, readToken } from './jws.ts';

const base64url = (text: string): string => Buffer.from(text).toString('base64url');

test('whatever comes as a token is read or refused, and never thrown at', () => {
  const part = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    fc.constant('{"typ":"secevent+jwt","alg":"Ed25519"}'),
  );
  const token = fc
    .tuple(part, part, fc.uint8Array({ minLength: 64, maxLength: 64 }))
    .map(
      ([head, body, sig]) =>
        `${base64url(head)}.${base64url(body)}.${Buffer.from(sig).toString('base64url')}`,
    );
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), token), (text) => {
      const read = readToken(text, EVENT_TYP);
      const said = read.ok ? readClaims(read.token) : read;
      if (said.ok) expect(said.claims).toBeTypeOf('object');
      else expect(said.description.length).toBeLessThanOrEqual(300);
    }),
  );
});

test('whatever comes as a body is read or refused, and never thrown at', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 2000 }),
      fc.constantFrom('gzip', 'identity'),
      async (bytes, encoding) => {
        const headers = { 'content-encoding': encoding };
        const request = new Request('http://x/', { method: 'POST', headers, body: new Uint8Array(bytes) });
        const read = await readBody(request);
        if (read.ok && encoding === 'identity') {
          expect(read.text).toBe(new TextDecoder().decode(bytes));
        } else if (!read.ok) {
          expect(read.err).toBe('invalid_request');
        }
      },
    ),
  );
});

test('clean text has no character that a database or a terminal chokes on, and keeps all others', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const texts: unknown[] = [];
      JSON.stringify(cleanText(value), (key, inner) => texts.push(key, inner) && inner);
      for (const text of texts) if (typeof text === 'string') expect(text).not.toMatch(/[\p{Cc}\p{Cs}]/u);
    }),
  );
  expect(cleanText({ a: ['Grüße 🦔 العربية', 1, null, true] })).toEqual({
    a: ['Grüße 🦔 العربية', 1, null, true],
  });
});
