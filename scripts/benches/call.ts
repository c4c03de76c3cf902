import { parseArgs } from 'node:util';
import { findBench, listing } from './registry.ts';

/** What the command line asks for: a run, what a benchmark needs, or words and an exit status. */
export type Call =
  | {
      do: 'run';
      name: string;
      json: string | undefined;
      rounds: number | undefined;
      only: string;
      realWaits: boolean;
    }
  | { do: 'needs'; needs: readonly string[] }
  | { do: 'refuse'; message: string };

const OPTIONS = {
  json: { type: 'string' },
  rounds: { type: 'string' },
  only: { type: 'string' },
  'real-waits': { type: 'boolean' },
  needs: { type: 'boolean' },
} as const;

/** Most rounds: a benchmark ends within hours. */
const MOST_ROUNDS = 100;

/** Reads the arguments. An unknown name is answered with the list of names. */
export function readCall(args: readonly string[]): Call {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    return { do: 'refuse', message: (error as Error).message };
  }
  const [name = '', ...more] = parsed.positionals;
  const { json, rounds, only = '', needs, 'real-waits': realWaits = false } = parsed.values;
  const entry = findBench(name);
  if (entry === undefined)
    return { do: 'refuse', message: name === '' ? listing() : `no benchmark "${name}"\n${listing()}` };
  if (needs) return { do: 'needs', needs: entry.needs };
  if (more.length > 0) return { do: 'refuse', message: `unexpected "${more.join(' ')}"` };
  if (rounds !== undefined && !isRounds(rounds))
    return { do: 'refuse', message: `--rounds takes a whole number from 1 to ${MOST_ROUNDS}` };
  return {
    do: 'run',
    name,
    json,
    rounds: rounds === undefined ? undefined : Number(rounds),
    only,
    realWaits,
  };
}

const isRounds = (text: string): boolean => /^[1-9]\d*$/.test(text) && Number(text) <= MOST_ROUNDS;

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true, strict: true });
}
