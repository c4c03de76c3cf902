import { setTimeout as sleep } from 'node:timers/promises';

/** What was waited for did not come in time; `code` is `DEADLINE`. */
export class DeadlineError extends Error {
  readonly code = 'DEADLINE';
}

/** Time between two looks at a condition, ms: small beside what is measured by eye, large beside a process start. */
const LOOK_EVERY_MS = 25;

/**
 * Waits until a condition gives something truthy, and returns that. An error of the condition ends the wait.
 *
 * @param what ends the sentence "waited … ms for …"
 * @throws DeadlineError
 */
export async function waitFor<T>(
  what: string,
  condition: () => T | Promise<T>,
  deadlineMs: number,
): Promise<Exclude<T, undefined | null | false | 0 | ''>> {
  const endMs = performance.now() + deadlineMs;
  for (;;) {
    const value = await condition();
    if (value) return value as Exclude<T, undefined | null | false | 0 | ''>;
    if (performance.now() >= endMs) throw new DeadlineError(`waited ${deadlineMs} ms for ${what}`);
    await sleep(LOOK_EVERY_MS);
  }
}
