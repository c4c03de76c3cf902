import { ANSWER_KINDS } from './answers.ts';
import type { Kind } from './kind.ts';
import { LEFTOVER_KINDS } from './leftovers.ts';
import { NAT_KINDS } from './nat.ts';
import { NEIGHBOUR_KINDS } from './neighbours.ts';
import { SERVICE_KINDS } from './services.ts';

/** All kinds of ordinary traffic. Those that leave a host of the lab changed come last. */
export const KINDS: readonly Kind[] = [
  ...SERVICE_KINDS,
  ...ANSWER_KINDS,
  ...NEIGHBOUR_KINDS,
  ...LEFTOVER_KINDS,
  ...NAT_KINDS,
];
