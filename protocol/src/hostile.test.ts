import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mutated } from './arbitraries.ts';
import { parseJoinKey } from './join-key.ts';
import { goldenNames, MESSAGES, readTestdata } from './testing/golden.ts';

/** Inputs for each decoder; more than a million in all with `scripts/test --full`. */
const RUNS = process.env.PICKET_TEST_FULL === '1' ? 140_000 : 700;

describe.each(Object.entries(MESSAGES))('a message of the kind %s', (kind, schema) => {
  const golden = goldenNames(1, kind).map((name) => readTestdata(`v1/${name}`).message);

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
  const { text } = readTestdata('v1/join-key.json');
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
