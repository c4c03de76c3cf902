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
      seconds: number | undefined;
      rows: number | undefined;
      only: string;
      realWaits: boolean;
    }
  | { do: 'needs'; needs: readonly string[] }
  | { do: 'refuse'; message: string };

const OPTIONS = {
  json: { type: 'string' },
  rounds: { type: 'string' },
  trips: { type: 'string' },
  seconds: { type: 'string' },
  rows: { type: 'string' },
  only: { type: 'string' },
  'real-waits': { type: 'boolean' },
  needs: { type: 'boolean' },
} as const;

/** Most rounds: a benchmark ends within hours. */
const MOST_ROUNDS = 100;
const MOST_TRIPS = 10_000;
const MOST_SECONDS = 3_600;
/** A hundred million: more would take days to load. */
const MOST_ROWS = 100_000_000;

/** Reads the arguments. An unknown name is answered with the list of names. */
export function readCall(args: readonly string[]): Call {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    return { do: 'refuse', message: (error as Error).message };
  }
  const [name = '', ...more] = parsed.positionals;
  const { json, only = '', needs, 'real-waits': realWaits = false } = parsed.values;
  const entry = findBench(name);
  if (entry === undefined)
    return { do: 'refuse', message: name === '' ? listing() : `no benchmark "${name}"\n${listing()}` };
  if (needs) return { do: 'needs', needs: entry.needs };
  if (more.length > 0) return { do: 'refuse', message: `unexpected "${more.join(' ')}"` };
  for (const option of ['seconds', 'rows'] as const)
    if (parsed.values[option] !== undefined && !entry.takes?.includes(option))
      return { do: 'refuse', message: `"${name}" takes no --${option}` };
  const counts = readCounts(parsed.values);
  if (typeof counts === 'string') return { do: 'refuse', message: counts };
  return {
    do: 'run',
    name,
    json,
    ...counts,
    only,
    realWaits,
  };
}

const MOST = { rounds: MOST_ROUNDS, trips: MOST_TRIPS, seconds: MOST_SECONDS, rows: MOST_ROWS } as const;

type Counts = { -readonly [Name in keyof typeof MOST]: number | undefined };

/** The options that count something, or what is wrong with one. */
function readCounts(values: { [Name in keyof typeof MOST]?: string | undefined }): Counts | string {
  const counts: Counts = { rounds: undefined, trips: undefined, seconds: undefined, rows: undefined };
  for (const [name, most] of Object.entries(MOST) as [keyof typeof MOST, number][]) {
    const text = values[name];
    if (text === undefined) continue;
    if (!isUpTo(most, text)) return `--${name} takes a whole number from 1 to ${most}`;
    counts[name] = Number(text);
  }
  return counts;
}

const isUpTo = (most: number, text: string): boolean => /^[1-9]\d*$/.test(text) && Number(text) <= most;

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true, strict: true });
}
