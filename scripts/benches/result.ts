import { z } from 'zod';

/** One figure: what was measured, of whom, in which unit. */
export const rowSchema = z.strictObject({
  case: z.string().min(1),
  who: z.string().min(1),
  metric: z.string().min(1),
  /** `bool`, `ms`, `s`, `packets`, `count`, `%`, `MB`, … */
  unit: z.string().min(1),
  value: z.union([z.number(), z.boolean()]),
});

/** What `--json` writes. Rows are medians over the rounds. */
export const resultSchema = z.strictObject({
  name: z.string().min(1),
  /** When it began (ISO 8601, UTC). */
  at: z.iso.datetime(),
  machine: z.strictObject({
    cpus: z.int().positive(),
    cpu: z.string(),
    kernel: z.string(),
    node: z.string(),
    memoryMb: z.int().positive(),
    /** Load average of one minute before it began: above 0.5 a CPU, figures are provisional. */
    load: z.number().nonnegative(),
  }),
  rounds: z.int().positive(),
  /** Settings that differ from the shipped default policy, and why. */
  deviations: z.array(z.string()),
  /** What could not be run, and why. */
  remarks: z.array(z.string()),
  rows: z.array(rowSchema),
});

export type Row = z.infer<typeof rowSchema>;
export type Result = z.infer<typeof resultSchema>;

/** Key of the rows that measure the same thing. */
const cellOf = (row: Row): string => JSON.stringify([row.case, row.who, row.metric, row.unit]);

/** Folds the rounds: one row a cell, in the order in which cells first appeared. */
export function foldRounds(rows: readonly Row[]): Row[] {
  return [...groupBy(rows, cellOf).values()].map((same) => ({
    ...(same[0] as Row),
    value: foldValues(same.map(({ value }) => value)),
  }));
}

/** Values by key, in the order in which keys first appear. (`Map.groupBy` came with Node 21.) */
export function groupBy<T>(values: readonly T[], keyOf: (value: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const group = groups.get(keyOf(value));
    if (group === undefined) groups.set(keyOf(value), [value]);
    else group.push(value);
  }
  return groups;
}

/** The median of numbers; of answers the worst: true only when each round says so. */
export function foldValues(values: readonly Row['value'][]): Row['value'] {
  const numbers = values.filter((value) => typeof value === 'number');
  return numbers.length > 0 ? median(numbers) : values.every(Boolean);
}

/** The middle one, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return ((low ?? Number.NaN) + (high ?? Number.NaN)) / 2;
}
