import { setTimeout as sleep } from 'node:timers/promises';

/** How often a condition is looked at, ms. */
const STEP_MS = 20;

/**
 * Asks until an answer comes.
 *
 * @param ask undefined for "not yet"
 * @param withinMs gives up after this long, with undefined
 */
export async function waitFor<T>(
  ask: () => T | undefined | Promise<T | undefined>,
  withinMs: number,
): Promise<T | undefined> {
  const deadlineMs = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > deadlineMs) return undefined;
    await sleep(STEP_MS);
  }
}
