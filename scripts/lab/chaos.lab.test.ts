import { describe, expect, test } from 'vitest';
import { runChaos } from './chaos.ts';
import { labMissing } from './missing.ts';

const missing = labMissing();

/** `scripts/test --full` kills as often as the project promises it was tried. */
const isFull = process.env.PICKET_TEST_FULL === '1';

/** What is killed or cut off, and how often. */
const RUNS = [
  { of: 'agents, collector, PostgreSQL and the network', database: 'own', seed: 5, times: isFull ? 200 : 10 },
  { of: 'a collector and its private PostgreSQL', database: 'private', seed: 5, times: isFull ? 30 : 4 },
] as const;

/** Longest one kill with the start after it may take, ms, and all that comes before and after the kills. */
const EACH_MS = 20_000;
const REST_MS = 300_000;

describe.skipIf(missing)(`chaos${missing ? ` (skipped: ${missing})` : ''}`, () => {
  for (const { of, database, seed, times } of RUNS)
    test(
      `of ${of}, killed or cut off at any moment, each scan on the wire is in the database once`,
      async () => {
        const { kills, violations } = await runChaos({ times, seed, database, say: () => {} });
        expect(violations).toEqual([]);
        expect(kills).toBe(times);
      },
      REST_MS + times * EACH_MS,
    );
});
