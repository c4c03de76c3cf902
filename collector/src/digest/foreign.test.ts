import fc from 'fast-check';
import { expect, test } from 'vitest';
import { foreign } from './foreign.ts';

/** Anything a host may call itself: text, single bytes, and the characters that do harm in mails. */
const hostile = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        '\r\n',
        '\n',
        '\t',
        '\u2028',
        '\u0085',
        '\u202E',
        '\u2066',
        '\u200B',
        '\u0301',
        'א',
        '\uD800',
        '\u{E0041}',
      ),
    ),
  )
  .map((parts) => parts.join(''));

test('foreign text is one bounded line without controls', () => {
  fc.assert(
    fc.property(hostile, fc.integer({ min: 1, max: 60 }), (text, most) => {
      const told = foreign(text, most);
      const inner = told.replace(/^\u2068(.*)\u2069$/u, '$1');
      expect(inner).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]/u);
      expect(inner).not.toMatch(/ {2}|^ | $/);
      expect([...inner].length).toBeLessThanOrEqual(most);
    }),
  );
});

test('foreign text that was made harmless stays as it is', () => {
  fc.assert(
    fc.property(hostile, (text) => {
      const once = foreign(text).replace(/^\u2068(.*)\u2069$/u, '$1');
      expect(foreign(once).replace(/^\u2068(.*)\u2069$/u, '$1')).toBe(once);
    }),
  );
});

test('an ordinary name is told as it is', () => {
  expect(foreign('web-1.example.net')).toBe('web-1.example.net');
  expect(foreign('Büro Zürich 東京')).toBe('Büro Zürich 東京');
});

test('a name in a right-to-left script is isolated, so that it cannot reorder its line', () => {
  expect(foreign('שרת-1')).toBe('\u2068שרת-1\u2069');
});

test('marks that would grow over other lines are thinned out', () => {
  expect(foreign(`Z${'\u0301'.repeat(40)}`)).toBe('Z\u0301\u0301\u0301');
});

test('a long name is cut and says so', () => {
  expect(foreign('x'.repeat(1_000_000), 10)).toBe('xxxxxxxxx…');
});
