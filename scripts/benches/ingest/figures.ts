import { percentile } from '../percentile.ts';
import type { Row } from '../result.ts';
import type { Answer, Load } from './load.ts';

/** What a load comes to; times in ms, of accepted requests only. */
export type Figures = { accepted: number; errors: number; p50: number | undefined; p99: number | undefined };

/** @param expected the status of a request that was accepted */
export function figuresOf({ answers }: Pick<Load, 'answers'>, expected: number): Figures {
  const accepted = answers.filter(({ status }) => status === expected);
  return {
    ...{ accepted: accepted.length, errors: answers.length - accepted.length },
    ...percentilesOf(accepted),
  };
}

/** Times of answers, ms; undefined where there are none. */
export function percentilesOf(answers: readonly Answer[]): Pick<Figures, 'p50' | 'p99'> {
  const times = answers.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
  const at = (percent: number) =>
    times.length === 0 ? undefined : Math.round(percentile(times, percent) * 100) / 100;
  return { p50: at(50), p99: at(99) };
}

/** What was measured of somebody in one case. */
export type Measured = Figures & {
  /** Events in each request. */
  size: number;
  tookMs: number;
  /** What the database grew by, bytes; undefined where nobody looked. */
  grownBytes: number | undefined;
};

/** The rows of one cell. */
export function rowsOf(theCase: string, who: string, measured: Measured): Row[] {
  const { accepted, errors, p50, p99, size, tookMs, grownBytes } = measured;
  const row = (metric: string, unit: string, value: number | undefined): Row[] =>
    value === undefined ? [] : [{ case: theCase, who, metric, unit, value }];
  const seconds = tookMs / 1_000;
  const events = accepted * size;
  return [
    ...row('eventsPerSecond', 'count', Math.round(events / seconds)),
    ...row('batchesPerSecond', 'count', Math.round((accepted / seconds) * 10) / 10),
    ...row('p50', 'ms', p50),
    ...row('p99', 'ms', p99),
    ...row('errors', 'count', errors),
    ...row('bytesPerEvent', 'bytes', grownBytes && events > 0 ? Math.round(grownBytes / events) : undefined),
  ];
}
