import { parseArgs } from 'node:util';
import { findBench, listing } from './registry.ts';

/** What the command line asks for: a run, what a benchmark needs, or words and an exit status. */
export type Call =
  | {
      do: 'run';
      name: string;
      json: string | undefined;
      rounds: number | undefined;
      trips: number | undefined;
      only: string;
      realWaits: boolean;
    }
  | { do: 'needs'; needs: readonly string[] }
  | { do: 'refuse'; message: string };

const OPTIONS = {
  json: { type: 'string' },
  rounds: { type: 'string' },
  trips: { type: 'string' },
  only: { type: 'string' },
  'real-waits': { type: 'boolean' },
  needs: { type: 'boolean' },
} as const;

/** Most rounds: a benchmark ends within hours. */
const MOST_ROUNDS = 100;
const MOST_TRIPS = 10_000;

/** Reads the arguments. An unknown name is answered with the list of names. */
export function readCall(args: readonly string[]): Call {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    return { do: 'refuse', message: (error as Error).message };
  }
  const [name = '', ...more] = parsed.positionals;
  const { json, rounds, trips, only = '', needs, 'real-waits': realWaits = false } = parsed.values;
  const entry = findBench(name);
  if (entry === undefined)
    return { do: 'refuse', message: name === '' ? listing() : `no benchmark "${name}"\n${listing()}` };
  if (needs) return { do: 'needs', needs: entry.needs };
  if (more.length > 0) return { do: 'refuse', message: `unexpected "${more.join(' ')}"` };
  if (rounds !== undefined && !isUpTo(MOST_ROUNDS, rounds))
    return { do: 'refuse', message: `--rounds takes a whole number from 1 to ${MOST_ROUNDS}` };
  if (trips !== undefined && !isUpTo(MOST_TRIPS, trips))
    return { do: 'refuse', message: `--trips takes a whole number from 1 to ${MOST_TRIPS}` };
  return {
    do: 'run',
    name,
    json,
    rounds: rounds === undefined ? undefined : Number(rounds),
    trips: trips === undefined ? undefined : Number(trips),
    only,
    realWaits,
  };
}

const isUpTo = (most: number, text: string): boolean => /^[1-9]\d*$/.test(text) && Number(text) <= most;

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true, strict: true });
}
