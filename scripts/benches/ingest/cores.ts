import { mustExec } from '../../lab/run.ts';

/** The core of the program that is measured, and nothing else of the benchmark's. */
export const MEASURED_CORE = 0;

/** The core of PostgreSQL and of whoever sends: on two cores they have to share one. */
export const OTHER_CORE = 1;

/** A command on one core, its children too. */
export const onCore = (core: number, argv: readonly string[]): string[] => [
  ...['taskset', '-c', `${core}`],
  ...argv,
];

/** Keeps all threads of this process, and what it starts from now on, to one core. */
export async function keepTo(core: number): Promise<void> {
  await mustExec(['taskset', '-acp', `${core}`, `${process.pid}`]);
}
