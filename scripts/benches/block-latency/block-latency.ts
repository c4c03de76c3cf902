import type { Bench } from '../bench.ts';
import { sharedList } from './shared-list.ts';
import { singleProbe } from './single-probe.ts';

/** How soon a block is in force. */
export const blockLatency: Bench = {
  rounds: 1,
  // The kernel's figure is 0, by which nothing can be divided.
  references: ['picket-agent-nft', 'picket-agent-ipset', 'picket-agent-route'],
  run: async (context) => [...(await singleProbe(context)), ...(await sharedList(context))],
};
