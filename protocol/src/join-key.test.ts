import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import golden from '../testdata/v1/join-key.json' with { type: 'json' };
import { formatJoinKey, type JoinKey, parseJoinKey } from './join-key.ts';

const hex = (length: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length });
const uuid7 = fc
  .tuple(hex(8), hex(4), hex(3), fc.constantFrom(...'89ab'), hex(3), hex(12))
  .map(([a, b, c, v, d, e]) => `${a}-${b}-7${c}-${v}${d}-${e}`);
const base64url = fc.string({
  unit: fc.constantFrom(...'ABCXYZabcxyz0189-_'),
  minLength: 43,
  maxLength: 43,
});
const url = fc
  .tuple(
    fc.constantFrom('http', 'https'),
    fc.domain(),
    fc.option(fc.integer({ min: 1024, max: 65_535 })),
    fc.constantFrom('', '/picket', '/a/b', '/%C3%BC'),
  )
  .map(([scheme, name, port, path]) => `${scheme}://${name}${port === null ? '' : `:${port}`}${path}`);
const anyJoinKey: fc.Arbitrary<JoinKey> = fc.record({
  url,
  collectorId: uuid7,
  thumbprint: base64url,
  networkId: uuid7,
  token: base64url,
});

describe('a join key', () => {
  it('reads back what it was made of', () => {
    fc.assert(
      fc.property(anyJoinKey, (joinKey) => {
        expect(parseJoinKey(formatJoinKey(joinKey))).toEqual({ ok: true, joinKey });
      }),
    );
  });

  it('is one word that survives a terminal and a mail', () => {
    fc.assert(fc.property(anyJoinKey, (joinKey) => /^picket1\.[A-Za-z0-9_-]+$/.test(formatJoinKey(joinKey))));
    expect(parseJoinKey(`\r\n  ${golden.text}\n`)).toMatchObject({ ok: true });
  });

  it('is refused wherever it is cut', () => {
    for (let end = 0; end < golden.text.length; end++) {
      const result = parseJoinKey(golden.text.slice(0, end));
      expect(result).toMatchObject({ ok: false });
      if (end > 8) expect(!result.ok && result.reason).toMatch(/cut or damaged/);
    }
  });

  it('never throws and never passes when characters of it are changed into something else', () => {
    fc.assert(
      fc.property(fc.nat(golden.text.length - 1), fc.string({ maxLength: 3 }), (at, other) => {
        const result = parseJoinKey(golden.text.slice(0, at) + other + golden.text.slice(at + 1));
        if (result.ok) expect(formatJoinKey(result.joinKey)).toMatch(/^picket1\./);
        else expect(result.reason).not.toBe('');
      }),
    );
  });

  it('says when it is of another version, or none at all', () => {
    expect(parseJoinKey('picket2.abc')).toEqual({
      ok: false,
      reason: 'this join key is of version 2; this agent reads version 1',
    });
    expect(parseJoinKey('hunter2')).toMatchObject({ reason: expect.stringContaining('no join key') });
  });

  it('names the part that is wrong', () => {
    const text = (fields: unknown) => `picket1.${Buffer.from(JSON.stringify(fields)).toString('base64url')}`;
    const { url, collectorId, thumbprint, networkId, token } = golden.joinKey;
    expect(parseJoinKey(text([url, 'x', thumbprint, networkId, token]))).toMatchObject({
      reason: expect.stringContaining('collectorId'),
    });
    for (const bad of [
      'ftp://x',
      'http://x/',
      'http://u:p@x',
      'http://x?y',
      'http://x#y',
      'x',
      '',
      7,
      null,
    ]) {
      expect(parseJoinKey(text([bad, collectorId, thumbprint, networkId, token]))).toMatchObject({
        reason: expect.stringContaining('url'),
      });
    }
  });

  it('is made from a base URL as people write one', () => {
    const made = formatJoinKey({ ...golden.joinKey, url: 'HTTPS://Collector.Example:443/picket//' });
    expect(made).toBe(golden.text);
  });
});
