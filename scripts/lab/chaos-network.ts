import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab } from './lab.ts';

/** The collector's wire: both directions fall silent, without a word to either side, as when a cable is drawn. */
const CUT = `table inet cut {
  chain in { type filter hook prerouting priority -400; iifname "eth0" drop; }
  chain out { type filter hook postrouting priority 400; oifname "eth0" drop; }
}
`;

/** A wire that is cut for a while; the next cut waits for the end of the one before. */
export type Wire = {
  /** Cuts it, and has it healed after a while. Returns when it is cut. */
  cut: (lastsMs: number) => Promise<void>;
  /** Resolves when it is whole. */
  whole: () => Promise<void>;
};

export function collectorWire(lab: Lab): Wire {
  let healed: Promise<void> = Promise.resolve();
  return {
    whole: () => healed,
    cut: async (lastsMs) => {
      await healed;
      await lab.mustExec('collector', ['nft', '-f', '-'], { stdin: CUT });
      healed = sleep(lastsMs)
        .then(() => lab.mustExec('collector', ['nft', 'delete', 'table', 'inet', 'cut']))
        .then(() => {});
      // Whoever waits for it hears of a fault.
      healed.catch(() => {});
    },
  };
}
