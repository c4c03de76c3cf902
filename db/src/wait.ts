import { setTimeout as sleep } from 'node:timers/promises';

/** Wait before a condition is looked at again, ms: short at first, so that what comes soon is seen soon. */
const STEP_MS = { first: 10, longest: 160 } as const;

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
  for (let stepMs: number = STEP_MS.first; ; stepMs = Math.min(stepMs * 2, STEP_MS.longest)) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > deadlineMs) return undefined;
    await sleep(stepMs);
  }
}
