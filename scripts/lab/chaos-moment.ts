import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Lab } from './lab.ts';
import { isAlive } from './names.ts';
import { DeadlineError, waitFor } from './wait.ts';

/** So long a victim may take until it makes the call, ms: without news an agent writes nothing. */
const HIT_MS = 2_000;

/** Time for strace to take hold, ms. */
const HOLD_MS = 5_000;

/** The n-th system call of a kind, counted in each thread. */
export type Moment = { call: string; when: number };

let serials = 0;

/**
 * Kills the first of the processes that makes a system call for the n-th time, as it enters it: strace delivers SIGKILL
 * there, so that no part that is shipped knows of it.
 *
 * @returns the call with its arguments, as strace tells it; undefined when it was not made in time
 */
export async function killAtCall(
  lab: Lab,
  pids: readonly number[],
  { call, when }: Moment,
): Promise<string | undefined> {
  const name = `strace-${++serials}`;
  const file = join(lab.folder, `${name}.txt`);
  const told = ['-o', file, '-yy', '-s', '80', '-e', `trace=${call}`];
  const inject = ['-e', `inject=${call}:signal=KILL:when=${when}`];
  const targets = pids.filter(isAlive).flatMap((pid) => ['-p', `${pid}`]);
  const strace = lab.spawn('collector', name, ['strace', '-f', ...told, ...inject, ...targets]);
  await Promise.race([strace.printed(/attached/, HOLD_MS), strace.exited]).catch(() => {});
  const read = () => readFile(file, 'utf8').catch(() => '');
  const isHit = async () => (await read()).includes('killed by SIGKILL');
  const wasHit = await waitFor('the call', isHit, HIT_MS).catch((error) => {
    if (!(error instanceof DeadlineError)) throw error;
    return false;
  });
  await strace.stop();
  return wasHit ? callOf(await read()) : undefined;
}

/** The call at which the first process was killed: the last that this thread began. */
export function callOf(text: string): string {
  const lines = text.split('\n');
  const dead = lines.findIndex((line) => line.includes('killed by SIGKILL'));
  // Of several threads that die together, the one that made the call has it unanswered.
  const unanswered = lines.slice(0, dead).findLast((line) => /= \?|<unfinished|\(INJECTED\)/.test(line));
  return (unanswered ?? lines[dead - 1] ?? '')
    .replace(/^\d+\s+/, '')
    .replace(/\s+/g, ' ')
    .slice(0, 140);
}
