import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { COMMAND_ENV } from './runner.ts';

/** A command that runs until it is ended, and gives its output as it comes. */
export interface ListeningCommand {
  readonly argv: readonly [string, ...string[]];
  /** What it says on its standard error when it listens; absent: nothing, and it listens some time after it began. */
  readonly ready?: RegExp;
  /** Takes output as it comes; `end` ends a child whose output makes no sense, also before it listens. */
  onData(chunk: Uint8Array, end: () => void): void;
  /** Whether its standard input stays open for as long as this process lives: it ends when that ends. */
  readonly holdsInput?: boolean;
  /** What it says on its standard error, in pieces. */
  onWords?(text: string): void;
}

/** A child that listens. */
export interface ListeningChild {
  /** Resolves when it ended, with how: `status 1` or a signal's name, and its last words. */
  readonly ended: Promise<string>;
  kill(signal: NodeJS.Signals): void;
  /** Ends it, by force when it does not obey. */
  stop(): Promise<void>;
}

/** Longest wait for a child to say that it listens, ms. */
const START_LIMIT_MS = 5_000;

/** Longest wait for a child to end when asked, ms: tcpdump ends at once. */
const END_LIMIT_MS = 2_000;

/** Most kept of what a child says, characters. */
const MOST_WORDS = 2_000;

type Child = ChildProcessByStdio<Writable | null, Readable, Readable>;

/**
 * Starts a child; resolves when it listens, since what is to be seen must not begin before.
 *
 * @throws Error with the child's own words when it ends instead, or says nothing in time
 */
export async function startListening(command: ListeningCommand): Promise<ListeningChild> {
  const [file, ...args] = command.argv;
  const input = command.holdsInput === true ? 'pipe' : 'ignore';
  const child = spawn(file, args, { env: COMMAND_ENV, stdio: [input, 'pipe', 'pipe'] }) as Child;
  let words = '';
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (status, signal) => {
      resolve(`${signal ?? `status ${status}`}${words.trim() === '' ? '' : `: ${lastLine(words)}`}`);
    });
  });
  child.stdout.on('data', (chunk: Buffer) => command.onData(chunk, () => void child.kill('SIGTERM')));
  const ready = new Promise<true>((resolve) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      words = (words + text).slice(-MOST_WORDS);
      command.onWords?.(text);
      if (command.ready?.test(words)) resolve(true);
    });
    if (command.ready === undefined) child.once('spawn', () => resolve(true));
  });
  const stop = () => end(child, ended);
  const outcome = await within(START_LIMIT_MS, Promise.race([ready, ended]));
  if (outcome === true) return { ended, kill: (signal) => void child.kill(signal), stop };
  await stop();
  throw new Error(`${file} does not listen: ${outcome ?? 'no word in time'}`);
}

function lastLine(words: string): string {
  return words.trim().split('\n').at(-1) ?? '';
}

async function end(child: Child, ended: Promise<string>): Promise<void> {
  child.kill('SIGTERM');
  if ((await within(END_LIMIT_MS, ended)) === undefined) child.kill('SIGKILL');
  await ended;
}

/** What a promise gives within a time, or undefined. */
async function within<T>(limitMs: number, promise: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), limitMs);
  });
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}
