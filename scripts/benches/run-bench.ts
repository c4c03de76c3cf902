import type { Bench, Context } from './bench.ts';
import { describeMachine } from './machine.ts';
import { findBench } from './registry.ts';
import { foldRounds, type Result, resultSchema } from './result.ts';

/** What to run: a name of the registry, how often, and which cells. */
export type Order = {
  name: string;
  rounds: number | undefined;
  trips?: number | undefined;
  seconds?: number | undefined;
  rows?: number | undefined;
  only: string;
  realWaits: boolean;
};

/**
 * Runs one benchmark and folds its rounds.
 *
 * @param say tells progress
 * @returns the checked result, and the benchmark, which knows how to show it
 */
export async function runBench(
  order: Order,
  say: (text: string) => void,
): Promise<{ result: Result; bench: Bench }> {
  const entry = findBench(order.name);
  if (entry === undefined) throw new Error(`no benchmark "${order.name}"`);
  const bench = await entry.load();
  const rounds = order.rounds ?? bench.rounds;
  const [at, machine] = [new Date().toISOString(), describeMachine()];
  const { context, deviations, remarks } = createContext({ ...order, rounds }, say);
  const rows = foldRounds(await bench.run(context));
  const told = { deviations: [...deviations], remarks: [...remarks] };
  const result = resultSchema.parse({ name: order.name, at, machine, rounds, ...told, rows });
  return { result, bench };
}

/** A context, and what was told to it. `only` is looked for in `CASE WHO`. */
export function createContext(
  { rounds, trips, seconds, rows, only, realWaits }: Omit<Order, 'name' | 'rounds'> & { rounds: number },
  say: (text: string) => void,
) {
  const [deviations, remarks] = [new Set<string>(), new Set<string>()];
  const context: Context = {
    rounds,
    trips,
    seconds,
    rows,
    realWaits,
    say,
    wants: (theCase, who) => `${theCase} ${who}`.includes(only),
    deviates: (setting, why) => deviations.add(`${setting}: ${why}`),
    remark: (text) => remarks.add(text),
  };
  return { context, deviations, remarks };
}
