import { setTimeout as sleep } from 'node:timers/promises';
import type { Firewall } from '../firewall/firewall.ts';
import type { Log } from '../report/log.ts';

/** Shortest time between two looks that others ask for, ms: who fights over the firewall gets no endless loop. */
const HEAL_EVERY_MS = 500;

/** Has the firewall looked at whenever others changed it: a look puts back what is gone. */
export interface Healer {
  start(): Promise<void>;
  stop(): void;
}

/** @param look looks at what the firewall holds, in its turn */
export function createHealer(firewall: Firewall, look: () => Promise<unknown>, log: Log): Healer {
  const stopping = new AbortController();
  let [isChanged, isHealing] = [false, false];
  const heal = async (): Promise<void> => {
    isHealing = true;
    while (isChanged && !stopping.signal.aborted) {
      isChanged = false;
      await look().catch((error) =>
        log.error('what others changed in the firewall is not put back yet', { error }),
      );
      await sleep(HEAL_EVERY_MS, undefined, { signal: stopping.signal, ref: false }).catch(() => {});
    }
    isHealing = false;
  };
  const changed = (): void => {
    isChanged = true;
    if (!isHealing) void heal();
  };
  return {
    async start() {
      await firewall.watch?.(changed).catch((error) => {
        if (stopping.signal.aborted) return;
        log.warn('changes of the firewall by others are noticed only when it is looked at', { error });
      });
    },
    stop: () => stopping.abort(),
  };
}
