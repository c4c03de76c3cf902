import { printable } from '../report/log.ts';
import type { Command, Outcome, RunError, Runner } from '../run/runner.ts';

/** Most lines and characters of one output: what matters of a list is how its lines look. */
const MOST_LINES = 40;
const MOST_COLUMNS = 300;

/** Most commands that are kept. */
const MOST_COMMANDS = 500;

/** What was run and what it said, for a report from a system that nobody of us has. */
export interface Transcript {
  /** Runs as the runner below it, and remembers. */
  readonly run: Runner;
  /** Remembers what a file held. */
  read(path: string, text: string): void;
  /** All of it, without secrets. */
  lines(): string[];
}

/** A transcript of what a runner runs. */
export function transcribe(run: Runner): Transcript {
  const parts: string[][] = [];
  const add = (title: string, outputs: readonly string[]): void => {
    if (parts.length < MOST_COMMANDS) parts.push([title, ...outputs.flatMap(shown)].map(withoutSecrets));
  };
  return {
    async run(command) {
      const outcome = await run(command).catch((error: RunError) => error);
      add(titleOf(command), outcome instanceof Error ? [outcome.message] : outputsOf(outcome));
      if (outcome instanceof Error) throw outcome;
      return outcome;
    },
    read: (path, text) => add(`$ cat ${path}`, [text]),
    lines: () => parts.flatMap((part) => [...part, '']),
  };
}

function titleOf({ argv, stdin }: Command): string {
  const words = argv.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.slice(0, 200)}'`));
  return `$ ${words.join(' ')}${stdin === undefined ? '' : `   (reads ${stdin.length} characters)`}`;
}

function outputsOf({ status, stdout, stderr }: Outcome): string[] {
  return [stdout, stderr, ...(status === 0 ? [] : [`exit status ${status}`])];
}

function shown(text: string): string[] {
  const lines = text.trimEnd().split('\n').slice(0, 10_000);
  const most = lines.slice(0, MOST_LINES).map((line) => `  ${printable(line.slice(0, MOST_COLUMNS))}`);
  if (text.trim() === '') return [];
  return lines.length > MOST_LINES ? [...most, `  … and ${lines.length - MOST_LINES} more lines`] : most;
}

/**
 * What must not be in a report, should a program ever print it: join keys, the private part of a JWK, signed tokens, and
 * passwords in URLs or behind a word that says so.
 */
export function withoutSecrets(text: string): string {
  return text
    .replace(/\bpicket\d+\.[\w-]+(?:\.[\w-]+)*/g, '[join key]')
    .replace(/("d"\s*:\s*")[^"]*/g, '$1[secret]')
    .replace(/\beyJ[\w-]+\.[\w-]*\.[\w-]*/g, '[token]')
    .replace(/(\w:\/\/[^\s/:@]*:)[^\s/@]*@/g, '$1[secret]@')
    .replace(/\b((?:pass(?:word|wd)?|secret|token|authorization)\s*[=:]\s*)\S.*/gi, '$1[secret]');
}
