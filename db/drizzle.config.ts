import { defineConfig } from 'drizzle-kit';

/** `pnpm --filter @picket/db generate` writes the next migration from the difference to the newest snapshot. */
export default defineConfig({ dialect: 'postgresql', schema: './src/schema.ts', out: './migrations' });
