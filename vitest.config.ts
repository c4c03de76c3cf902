import { defineConfig } from 'vitest/config';

/**
 * `unit` files run side by side; `lab` files (`*.lab.test.ts`) make network namespaces and need root, so they run
 * one after the other.
 */
/** `scripts/test --full`: property tests run many times as often, and may take as long. */
const isFull = process.env.PICKET_TEST_FULL === '1';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          globalSetup: './db/src/testing/global-setup.ts',
          include: ['{agent,collector,db,protocol,scripts}/**/*.test.ts'],
          exclude: ['**/*.lab.test.ts', '**/node_modules/**', '**/dist/**'],
          setupFiles: ['./scripts/check/property-runs.ts'],
          testTimeout: isFull ? 1_800_000 : 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'lab',
          globalSetup: './db/src/testing/global-setup.ts',
          include: ['{agent,collector,db,protocol,scripts}/**/*.lab.test.ts'],
          exclude: ['**/node_modules/**', '**/dist/**'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
