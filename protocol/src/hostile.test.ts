import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { mutated } from './arbitraries.ts';
import { blockListClaimsSchema, requestClaimsSchema } from './block-list.ts';
import { enrolledClaimsSchema, enrolmentClaimsSchema } from './enrolment.ts';
import { pushErrorSchema } from './errors.ts';
import { eventClaimsSchema } from './events.ts';
import { parseJoinKey } from './join-key.ts';

/** Inputs for each decoder; a million in all with `scripts/test --full`. */
const RUNS = process.env.PICKET_TEST_FULL === '1' ? 140_000 : 700;

/** Every decoder of a message, and the beginning of the names of its golden ones. */
const DECODERS: [string, string, z.ZodType][] = [
  ['a block list', 'block-list-', blockListClaimsSchema],
  ['the answer to an enrolment', 'enrolled.', enrolledClaimsSchema],
  ['an enrolment', 'enrolment', enrolmentClaimsSchema],
  ['an event token', 'events-', eventClaimsSchema],
  ['a refusal', 'push-error.', pushErrorSchema],
  ['a request token', 'request.', requestClaimsSchema],
];

const folder = new URL('../testdata/v1/', import.meta.url);
const read = (name: string) => JSON.parse(readFileSync(new URL(name, folder), 'utf8'));
const goldenOf = (start: string): unknown[] =>
  readdirSync(folder)
    .filter((name) => name.startsWith(start))
    .map((name) => read(name).message);

describe.each(DECODERS)('%s', (_, start, schema) => {
  const golden = goldenOf(start);

  it('has golden messages', () => expect(golden.length).toBeGreaterThan(0));

  it('that was damaged is refused or read, never thrown at, and reads the same again', () => {
    fc.assert(
      fc.property(fc.oneof({ weight: 9, arbitrary: mutated(golden) }, fc.jsonValue()), (message) => {
        const parsed = schema.safeParse(message);
        if (parsed.success) {
          const text = JSON.stringify(parsed.data);
          expect(JSON.stringify(schema.parse(JSON.parse(text)))).toBe(text);
        } else {
          expect(parsed.error.issues.length).toBeGreaterThan(0);
        }
      }),
      { numRuns: RUNS },
    );
  });
});

describe('a join key', () => {
  const { text } = read('join-key.json');
  const damaged = fc
    .tuple(fc.nat(text.length), fc.nat(5), fc.string({ unit: 'binary', maxLength: 5 }))
    .map(([at, cut, put]) => text.slice(0, at) + put + text.slice(at + cut));

  it('that was damaged is refused or read, never thrown at', () => {
    fc.assert(
      fc.property(fc.oneof(damaged, fc.string({ unit: 'binary' })), (key) => {
        const parsed = parseJoinKey(key);
        if (!parsed.ok) expect(parsed.reason).toMatch(/join key/);
      }),
      { numRuns: RUNS },
    );
  });
});
