import { gunzipSync } from 'node:zlib';
import { MAX_BODY_BYTES, MAX_INFLATED_BYTES } from '@picket/protocol';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { BAD_KINDS, badRequests, withWrongSignature } from './bad.ts';
import { StatusCounter } from './statuses.ts';

describe('counting of answers', () => {
  test('does not depend on where chunks end', () => {
    const answers = fc.array(fc.constantFrom(202, 400, 401, 413, 429), { maxLength: 20 });
    const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(answers, cuts, (statuses, sizes) => {
        const text = statuses.map((status) => `HTTP/1.1 ${status} X\r\ncontent-length: 2\r\n\r\n{}`).join('');
        const counts = new Map<number, number>();
        const counter = new StatusCounter(counts);
        let found = 0;
        for (let [at, i] = [0, 0]; at < text.length; i++) {
          const size = sizes[i % sizes.length] ?? 1;
          found += counter.add(text.slice(at, at + size));
          at += size;
        }
        expect(found).toBe(statuses.length);
        for (const status of statuses)
          expect(counts.get(status)).toBe(statuses.filter((each) => each === status).length);
      }),
    );
  });
});

describe('bad requests', () => {
  const known = `h.p.${Buffer.alloc(64, 1).toString('base64url')}`;
  const requests = badRequests('127.0.0.1:1', { unknown: 'h.q.s', known });

  it('are one of each kind, each a whole request', () => {
    expect(requests).toHaveLength(BAD_KINDS.length);
    for (const request of requests) {
      const text = request.toString('latin1');
      const [head = '', body = ''] = [
        text.slice(0, text.indexOf('\r\n\r\n')),
        text.slice(text.indexOf('\r\n\r\n') + 4),
      ];
      expect(Number(/content-length: (\d+)/.exec(head)?.[1])).toBe(body.length);
    }
  });

  it('hold a bomb that is small on the wire and too large inside', () => {
    const bomb = requests.at(-1) ?? Buffer.alloc(0);
    const body = bomb.subarray(bomb.indexOf('\r\n\r\n') + 4);
    expect(body.length).toBeLessThan(MAX_BODY_BYTES);
    expect(gunzipSync(body).length).toBeGreaterThan(MAX_INFLATED_BYTES);
  });

  it('hold a signature of the right length that is not the right one', () => {
    const [, , signature = ''] = withWrongSignature(known).split('.');
    expect(Buffer.from(signature, 'base64url')).toHaveLength(64);
    expect(withWrongSignature(known)).not.toBe(known);
  });
});
