import { spawn } from 'node:child_process';

/** A command as data: backends describe, the runner executes. No shell reads it. */
export interface Command {
  readonly argv: readonly [string, ...string[]];
  readonly stdin?: string;
}

/** How a command ended. */
export interface Outcome {
  /** Exit status; 128 + signal number is not used: a killed command has status null. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Executes one command and tells how it ended; throws {@link RunError} only when it could not run or hung. */
export type Runner = (command: Command) => Promise<Outcome>;

/** A command that could not be started, or that was ended for taking too long. */
export class RunError extends Error {
  readonly code: 'not_started' | 'timed_out';
  override readonly name = 'RunError';

  constructor(code: 'not_started' | 'timed_out', message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Longest a command may take, ms: a bulk list of 100,000 takes nft 0.4 s; ten times that and more is a hang. */
const LIMIT_MS = 15_000;

/** Most output kept of each stream, characters; the rest is dropped so that no command can fill the memory. */
const MAX_OUTPUT = 16 * 1024 * 1024;

/** Folders in which administrators' commands live: a service's PATH may lack the sbin ones. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Environment of commands: the C locale, so that their messages can be read. */
export const COMMAND_ENV = { PATH, LC_ALL: 'C' } as const;

/** Runs a command with a time limit, a fixed PATH and the C locale, so that its messages can be read. */
export const runCommand: Runner = (command) => runNoting(command, () => {});

/** As {@link runCommand}, and tells the process's id before it can have done anything. */
export const runNoting = (
  { argv: [file, ...args], stdin }: Command,
  onStart: (pid: number | undefined) => void,
): Promise<Outcome> =>
  new Promise((resolve, reject) => {
    const child = spawn(file, args, { env: COMMAND_ENV, stdio: 'pipe' });
    onStart(child.pid);
    let [stdout, stderr, timedOut] = ['', '', false];
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, LIMIT_MS);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (stdout.length < MAX_OUTPUT) stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (stderr.length < MAX_OUTPUT) stderr += text;
    });
    child.on('error', (cause) => {
      clearTimeout(timer);
      reject(new RunError('not_started', `${file}: cannot be started (${cause.message})`, { cause }));
    });
    child.on('close', (status) => {
      clearTimeout(timer);
      if (timedOut) reject(new RunError('timed_out', `${file}: no end after ${LIMIT_MS / 1000} s`));
      else resolve({ status, stdout, stderr });
    });
    // A command that ends without reading all of its input closes the pipe: its exit status tells, not EPIPE.
    child.stdin.on('error', () => {});
    child.stdin.end(stdin ?? '');
  });
