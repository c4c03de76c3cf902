import type { Who } from './who.ts';

export const psad: Who = {
  name: 'psad',
  patienceMs: 10_000,
  settings: [],
  prepare: async () => 'not yet',
  start: async () => {
    throw new Error('not yet');
  },
};
