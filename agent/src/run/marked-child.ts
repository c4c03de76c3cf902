import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { COMMAND_ENV, type Outcome } from './runner.ts';

/** A program that carries out each line of its input as it comes, and says nothing of those that went well. */
export interface MarkedProgram {
  readonly argv: readonly [string, ...string[]];
  /** Its name in messages: `nft -i`. */
  readonly name: string;
  /** Beside those of every command. */
  readonly env?: Readonly<Record<string, string>>;
  /** A line that its parser refuses, so that the kernel hears nothing of it. */
  mark(word: string): string;
  /** All that it says of that line on its standard error; the word in it tells one mark from another. */
  complaint(word: string): RegExp;
}

/** Such a program that runs. */
export interface MarkedChild {
  readonly pid: number | undefined;
  /** Lines written so far: some programs keep something of each. */
  readonly lines: number;
  /**
   * Carries out one line or several, after those written before.
   *
   * @throws Error when it died or hung before it answered: whether they were carried out is not known
   */
  write(text: string): Promise<Outcome>;
  /** Ends it when it has answered all. */
  end(): Promise<void>;
}

/** Longest wait for an answer, ms: the kernel may be busy with a list of another process for some tenths of a second. */
const ANSWER_LIMIT_MS = 10_000;

/** Longest wait for it to end by itself, ms. */
const END_LIMIT_MS = 2_000;

/** Most kept of its words for one answer, characters. */
const MOST_WORDS = 1_000_000;

/** Begins the word that tells a mark; a number follows. */
const MARK = 'picket_mark_';

interface Waiting {
  readonly complaint: RegExp;
  readonly answer: (words: string) => void;
  readonly fail: (error: Error) => void;
}

/**
 * Starts it. Such a program prints errors and no prompt when its input is no terminal, so silence alone does not tell
 * success: after each text comes a line that is no command, and the complaint about it marks the end. Both are written to
 * the standard error, which has an order and no buffer. Its standard input is a pipe from this process alone, so it ends
 * when this process does, however that ends.
 */
export function startMarkedChild({ argv, name, env, mark, complaint }: MarkedProgram): MarkedChild {
  const [file, ...args] = argv;
  const child: ChildProcessByStdio<Writable, null, Readable> = spawn(file, args, {
    env: { ...COMMAND_ENV, ...env },
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  const waiting: Waiting[] = [];
  let [words, marks, lines, timer]: [string, number, number, NodeJS.Timeout | undefined] = [
    '',
    0,
    0,
    undefined,
  ];
  let gone: Error | undefined;

  const give = (error: Error): void => {
    gone ??= error;
    clearTimeout(timer);
    for (const { fail } of waiting.splice(0)) fail(error);
  };
  const watchTime = (): void => {
    clearTimeout(timer);
    if (waiting.length === 0) return;
    timer = setTimeout(() => {
      give(new Error(`${name}: no answer after ${ANSWER_LIMIT_MS / 1000} s`));
      child.kill('SIGKILL');
    }, ANSWER_LIMIT_MS);
  };
  const read = (): void => {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      const found = next.complaint.exec(words);
      if (found === null) return;
      waiting.shift();
      next.answer(words.slice(0, found.index));
      words = words.slice(found.index + found[0].length);
      watchTime();
    }
  };
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-MOST_WORDS);
    read();
  });
  const ended = new Promise<void>((resolve) => {
    child.once('error', (error) => give(error));
    child.once('close', (status, signal) => {
      give(new Error(`${name} ended (${signal ?? `status ${status}`}) ${words.trim().slice(-300)}`.trim()));
      resolve();
    });
    child.once('error', () => resolve());
  });
  child.stdin.on('error', () => {});

  return {
    get pid() {
      return child.pid;
    },
    get lines() {
      return lines;
    },
    write(text) {
      if (gone !== undefined) return Promise.reject(gone);
      const word = `${MARK}${++marks}`;
      lines += text.split('\n').length;
      return new Promise((resolve, fail) => {
        waiting.push({ complaint: complaint(word), answer: (said) => resolve(outcomeOf(said)), fail });
        if (waiting.length === 1) watchTime();
        child.stdin.write(`${text}\n${mark(word)}\n`);
      });
    },
    async end() {
      child.stdin.end();
      const force = setTimeout(() => child.kill('SIGKILL'), END_LIMIT_MS);
      await ended;
      clearTimeout(force);
    },
  };
}

/** What it said, as a command of its own would have ended. Whatever is no warning is taken for a failure. */
function outcomeOf(words: string): Outcome {
  const isFine = words.split('\n').every((line) => line.trim() === '' || line.startsWith('Warning:'));
  return { status: isFine ? 0 : 1, stdout: '', stderr: words };
}
