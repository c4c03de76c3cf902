import { defineConfig } from 'vitest/config';

/**
 * `unit` files run side by side; `lab` files (`*.lab.test.ts`) make network namespaces and need root, so they run
 * one after the other.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          globalSetup: './db/src/testing/global-setup.ts',
          include: ['{agent,collector,db,protocol,scripts}/**/*.test.ts'],
          exclude: ['**/*.lab.test.ts', '**/node_modules/**', '**/dist/**'],
          testTimeout: 30_000,
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
