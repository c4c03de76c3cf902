import type { Status } from '../../control/messages.ts';
import { spanWords, timeWords } from './time.ts';

/** What is carried out now, in words. */
export function stanceWords({ mode, untilMs, by }: Status['stance'], nowMs: number): string {
  if (mode === 'enforce') return 'enforce';
  const whose = by === undefined ? '' : ` by ${by}`;
  const until =
    untilMs === undefined ? '' : ` until ${timeWords(untilMs)} (${spanWords(untilMs - nowMs)} left)`;
  return `${mode}${whose}${until}: nothing is blocked`;
}
