import type { Bench } from '../bench.ts';

/** Not built yet: measures nothing. */
export const matrix: Bench = { rounds: 1, references: ['picket-kernel'], run: async () => [] };
