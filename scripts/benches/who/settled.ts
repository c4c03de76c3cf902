import { DeadlineError, waitFor } from '../../lab/wait.ts';
import { cpuSeconds } from '../cost/meter.ts';
import type { Watcher } from './who.ts';

/** Longest wait for somebody to be done with a load, ms. */
const SETTLE_MS = 20_000;

/** Without CPU time for this long, ms, somebody is idle. */
const IDLE_MS = 1_000;

/** Waits until who watches uses no CPU time any more; somebody who never rests is measured as it is. */
export async function settled(watcher: Pick<Watcher, 'processes'>): Promise<void> {
  let [seconds, sinceMs] = [-1, performance.now()];
  const isIdle = async () => {
    const now = await cpuSeconds(await watcher.processes());
    if (now > seconds + 0.02) [seconds, sinceMs] = [now, performance.now()];
    return performance.now() - sinceMs > IDLE_MS;
  };
  await waitFor('it to be idle', isIdle, SETTLE_MS).catch((error: Error) => {
    if (!(error instanceof DeadlineError)) throw error;
  });
}
