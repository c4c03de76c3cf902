import type { Row } from './result.ts';

/** What a benchmark is given. */
export type Context = {
  /** How often each cell is measured; rows of the same case, who and metric are folded into their median. */
  rounds: number;
  /** How many trips `--trips` asks of each, where a benchmark counts trips. */
  trips: number | undefined;
  /** How long `--seconds` has each load last, where a benchmark sends one. */
  seconds: number | undefined;
  /** How many rows `--rows` has loaded at most, where a benchmark loads some. */
  rows: number | undefined;
  /** Whether `--only` asks for this cell; a cell that is not wanted is left out. */
  wants: (theCase: string, who: string) => boolean;
  /** Whether time passes for real where a benchmark would compress it. */
  realWaits: boolean;
  /** Says something now. */
  say: (text: string) => void;
  /** Tells a setting that differs from the shipped default policy; printed once, above the table. */
  deviates: (setting: string, why: string) => void;
  /** Keeps a remark for below the table: what could not be run, and why. The same one is kept once. */
  remark: (text: string) => void;
};

/** One benchmark of `scripts/bench`. */
export type Bench = {
  /** Rounds without `--rounds`. */
  rounds: number;
  /** Who the others are compared with, in the order of preference: the first that has a figure. */
  references: readonly string[];
  /** The figures in short, printed last; for a page of documentation. */
  summary?: (rows: readonly Row[]) => string;
  /** Measures everything that is wanted, `rounds` times. A lab that it opens goes with the process at the latest. */
  run: (context: Context) => Promise<Row[]>;
};
