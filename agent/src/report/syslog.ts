import { type ChildProcess, spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { backOffMs } from '../uplink/retry.ts';
import { type Log, printable } from './log.ts';
import { leftOutLine } from './portsentry.ts';

/** Where PortSentry's lines go. */
export interface LineSink {
  /** Writes one line; never throws, never waits. */
  write(line: string): void;
  /** Writes what is waiting, within a second. */
  close(): Promise<void>;
}

/** How a system log is reached. */
export interface SyslogOptions {
  readonly log: Log;
  /** Process id in the tag: the agent's, not that of the child. */
  readonly pid: number;
  /** Takes one line, where there is no system log. */
  readonly writeStderr: (line: string) => void;
  /** The log daemon's socket; without it no child is started. */
  readonly socketPath?: string;
  /** The program that writes lines from its standard input to the system log. */
  readonly logger?: string;
  /** Wait before the child is started again, ms, after that many ends in a row. */
  readonly retryMs?: (failures: number) => number;
}

/** Most lines that wait for the child; what comes beyond is counted and told. */
const MAX_WAITING = 1_000;

/** Longest line: with its head it fits the 1,024 bytes that RFC 3164 section 4.1 allows. */
const MAX_LINE = 900;

/** After so many ends in a row lines go to standard error until the child can be started. */
const PATIENCE = 3;

/** How often it is looked whether a system log came up, ms. */
const LOOK_AGAIN_MS = 30_000;

/** A child that ran this long was in order: its end is a first failure again, ms. */
const LIVED_MS = 60_000;

const CLOSE_MS = 1_000;

/** As in the runner: a service's own environment is not handed on. */
const ENVIRONMENT = { PATH: '/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin', LC_ALL: 'C' };

/**
 * Opens the system log. Node has no Unix datagram sockets, so one `logger` child writes the lines for as long as the
 * agent runs; `-t` and `-p` are all that util-linux, BusyBox and BSD have in common, and the tag carries the process
 * id. Without a log socket or `logger` the lines go to standard error with the priority prefix of sd-daemon(3),
 * which puts them into the journal with the same severity. What a log daemon or a child
 * that is ended had taken already is beyond sight.
 */
export function openSyslog(options: SyslogOptions): LineSink {
  return new Syslog(options);
}

class Syslog implements LineSink {
  readonly #options: SyslogOptions;
  readonly #tag: string;
  readonly #retryMs: (failures: number) => number;
  #child: ChildProcess | undefined;
  #waiting: string[] = [];
  /** Lines that a child's end left in the agent's hands. */
  readonly #returned: string[] = [];
  #lost = 0;
  #failures = 0;
  #isFull = false;
  #isClosed = false;
  /** Monotonic time before which no child is started, ms. */
  #notBeforeMs = 0;
  #startedMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SyslogOptions) {
    this.#options = options;
    this.#tag = `portsentry[${options.pid}]`;
    this.#retryMs = options.retryMs ?? backOffMs;
  }

  write(line: string): void {
    this.#waiting.push(printable(line).slice(0, MAX_LINE));
    if (this.#waiting.length > MAX_WAITING) {
      this.#waiting.shift();
      this.#lost += 1;
    }
    this.#pump();
  }

  async close(): Promise<void> {
    this.#pump();
    this.#isClosed = true;
    clearTimeout(this.#timer);
    const child = this.#child;
    if (child !== undefined) {
      for (const line of this.#waiting.splice(0)) this.#hand(child, line);
      await ended(child);
    }
    this.#toStderr();
  }

  #pump(): void {
    if (this.#isClosed) return;
    if (this.#child === undefined && performance.now() >= this.#notBeforeMs) this.#start();
    if (this.#child === undefined) {
      if (this.#failures === 0 || this.#failures >= PATIENCE) this.#toStderr();
      return;
    }
    while (this.#waiting.length > 0 && !this.#isFull) {
      const line = this.#waiting.shift() ?? '';
      this.#isFull = !this.#hand(this.#child, line);
    }
    if (this.#lost === 0 || this.#isFull) return;
    const lost = this.#lost;
    this.#lost = 0;
    this.write(leftOutLine(lost, 'the system log did not take'));
  }

  /** Hands a line to the child; false when it has enough for now. What the pipe did not take comes back at its end. */
  #hand(child: ChildProcess, line: string): boolean {
    const onTaken = (error: Error | null | undefined): void => {
      if (error) this.#returned.push(line);
    };
    return child.stdin?.write(`${line}\n`, onTaken) ?? false;
  }

  #start(): void {
    const { logger = 'logger', socketPath = '/dev/log', log } = this.#options;
    if (!isSocket(socketPath)) {
      this.#failures = 0;
      this.#wait(LOOK_AGAIN_MS);
      return;
    }
    const child = spawn(logger, ['-t', this.#tag, '-p', 'daemon.notice'], {
      env: ENVIRONMENT,
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    child.on('error', (error) => log.warn('the system log cannot be written to', { logger, error }));
    if (child.pid === undefined) {
      this.#failures = PATIENCE; // it could not be started at all: nobody waits for it
      this.#wait(LOOK_AGAIN_MS);
      return;
    }
    this.#adopt(child);
    log.debug('the system log is open', { logger, pid: child.pid });
  }

  #adopt(child: ChildProcess): void {
    this.#child = child;
    this.#startedMs = performance.now();
    this.#isFull = false;
    let words = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      words = `${words}${text}`.slice(-500);
    });
    child.stdin?.on('drain', () => {
      this.#isFull = false;
      this.#pump();
    });
    // Told by the end of the child, which comes with it.
    child.stdin?.on('error', () => {});
    child.once('close', (status) => this.#onEnd(child, { status, words }));
  }

  #onEnd(child: ChildProcess, why: Record<string, unknown>): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    this.#waiting.unshift(...this.#returned.splice(0));
    if (this.#isClosed) return;
    const hasLived = performance.now() - this.#startedMs > LIVED_MS;
    this.#failures = hasLived ? 1 : this.#failures + 1;
    this.#options.log.warn('the system log was cut off', why);
    this.#wait(this.#retryMs(this.#failures));
    this.#pump();
  }

  #wait(ms: number): void {
    this.#notBeforeMs = performance.now() + ms;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#pump(), ms).unref();
  }

  #toStderr(): void {
    if (this.#lost > 0) this.#waiting.push(leftOutLine(this.#lost, 'the system log did not take'));
    this.#lost = 0;
    for (const line of this.#waiting.splice(0)) this.#options.writeStderr(`<5>${this.#tag}: ${line}`);
  }
}

function isSocket(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isSocket() ?? false;
}

/** Ends the child's input and waits for it; one that hangs is killed. */
async function ended(child: ChildProcess): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      resolve();
    }, CLOSE_MS);
    child.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    child.stdin?.end();
  });
}
