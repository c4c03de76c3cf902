import { describe, expect, test } from 'vitest';
import { runKills } from './kill.ts';
import { labMissing } from './missing.ts';

const missing = labMissing();

/** `scripts/test --full` kills as often as the project promises it was tried. */
const TIMES = process.env.PICKET_TEST_FULL === '1' ? 200 : 12;

/** Longest one kill with all that is looked at may take, ms. */
const EACH_MS = 20_000;

describe.skipIf(missing)(`kill -9${missing ? ` (skipped: ${missing})` : ''}`, () => {
  test(
    'an agent that is killed while sources trip and the list changes leaves every block in force, and nothing half',
    async () => {
      const { kills, violations } = await runKills({ times: TIMES, seed: 4, say: () => {} });
      expect(violations).toEqual([]);
      expect(kills).toBe(TIMES);
    },
    60_000 + TIMES * EACH_MS,
  );
});
