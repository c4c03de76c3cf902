import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { COMMAND_ENV, type Outcome } from './runner.ts';

/** `nft -i` as a child: one line is one transaction, done in 0.5 ms instead of the 4 to 10 that a process of its own takes. */
export interface InteractiveNft {
  readonly pid: number | undefined;
  /** Lines written so far: it keeps each for its history, some 400 bytes. */
  readonly lines: number;
  /**
   * Carries a line out, after those written before.
   *
   * @throws Error when it died or hung before it answered: whether the line was carried out is not known
   */
  write(line: string): Promise<Outcome>;
  /** Ends it when it has answered all. */
  end(): Promise<void>;
}

/** Longest wait for an answer, ms: the kernel may be busy with a list of another process for some tenths of a second. */
const ANSWER_LIMIT_MS = 10_000;

/** Longest wait for it to end by itself, ms. */
const END_LIMIT_MS = 2_000;

/** Most kept of its words for one line, characters. */
const MOST_WORDS = 1_000_000;

/** Begins the word that nft cannot read; a number follows. */
const MARK = 'picket_mark_';

interface Waiting {
  readonly mark: string;
  readonly answer: (words: string) => void;
  readonly fail: (error: Error) => void;
}

/**
 * Starts it. nft prints errors and no prompt when its input is no terminal, so silence alone does not tell success:
 * after each line comes a word that is no command, and nft's complaint about it marks the end. Both are written to the
 * standard error, which has an order and no buffer. The complaint comes from the parser: the kernel hears nothing of it.
 *
 * @param argv the command, `nft -i`
 */
export function startInteractiveNft(argv: readonly [string, ...string[]]): InteractiveNft {
  const [file, ...args] = argv;
  // Without a home of its own nft leaves no file of what was typed.
  const env = { ...COMMAND_ENV, HOME: '/nonexistent' };
  const child: ChildProcessByStdio<Writable, null, Readable> = spawn(file, args, {
    env,
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  const waiting: Waiting[] = [];
  let [words, lines, timer]: [string, number, NodeJS.Timeout | undefined] = ['', 0, undefined];
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
      give(new Error(`nft -i: no answer after ${ANSWER_LIMIT_MS / 1000} s`));
      child.kill('SIGKILL');
    }, ANSWER_LIMIT_MS);
  };
  const read = (): void => {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      const found = endOf(next.mark).exec(words);
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
      give(new Error(`nft -i ended (${signal ?? `status ${status}`}) ${words.trim().slice(-300)}`.trim()));
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
    write(line) {
      if (gone !== undefined) return Promise.reject(gone);
      const mark = `${MARK}${++lines}`;
      return new Promise((resolve, fail) => {
        waiting.push({ mark, answer: (said) => resolve(outcomeOf(said)), fail });
        if (waiting.length === 1) watchTime();
        child.stdin.write(`${line}\n${mark}\n`);
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

/** nft's complaint about a mark: what is wrong, the line itself, and carets below it. */
function endOf(mark: string): RegExp {
  return new RegExp(`(?:^|(?<=\\n))Error: syntax error[^\\n]*\\n${mark}\\n *\\^*\\n`);
}

/** What it said of a line, as a command of its own would have ended. Whatever is no warning is taken for a failure. */
function outcomeOf(words: string): Outcome {
  const isFine = words.split('\n').every((line) => line.trim() === '' || line.startsWith('Warning:'));
  return { status: isFine ? 0 : 1, stdout: '', stderr: words };
}
