import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';

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

/** What a command may take. */
export interface RunLimits {
  /** Longest it may run, ms. */
  readonly limitMs: number;
  /** Most output kept of each stream, characters; the rest is dropped so that no command can fill the memory. */
  readonly mostOutput: number;
  /**
   * Whether what the command starts is ended with it: it leads a process group of its own. What it leaves running in
   * the background, with its output open, may go on until the time is over.
   */
  readonly wholeGroup: boolean;
  readonly onStart?: (pid: number | undefined) => void;
}

/** A bulk list of 100,000 takes nft 0.4 s; ten times that and more is a hang. */
const USUAL: RunLimits = { limitMs: 15_000, mostOutput: 16 * 1024 * 1024, wholeGroup: false };

/** Folders in which administrators' commands live: a service's PATH may lack the sbin ones. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Environment of commands: the C locale, so that their messages can be read. */
export const COMMAND_ENV = { PATH, LC_ALL: 'C' } as const;

/** Runs a command with a time limit, a fixed PATH and the C locale, so that its messages can be read. */
export const runCommand: Runner = createRunner(USUAL);

/** As {@link runCommand}, and tells the process's id before it can have done anything. */
export const runNoting = (command: Command, onStart: (pid: number | undefined) => void): Promise<Outcome> =>
  createRunner({ ...USUAL, onStart })(command);

/** A runner with limits of its own. */
export function createRunner({ limitMs, mostOutput, wholeGroup, onStart }: RunLimits): Runner {
  return ({ argv: [file, ...args], stdin }) =>
    new Promise((resolve, reject) => {
      const child = spawn(file, args, { env: COMMAND_ENV, stdio: 'pipe', detached: wholeGroup });
      onStart?.(child.pid);
      let [stdout, stderr, timedOut] = ['', '', false];
      const timer = setTimeout(() => {
        // One that ended in time has only left something running behind it.
        timedOut = child.exitCode === null && child.signalCode === null;
        end(child, wholeGroup);
      }, limitMs);
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        if (stdout.length < mostOutput) stdout += text.slice(0, mostOutput - stdout.length);
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        if (stderr.length < mostOutput) stderr += text.slice(0, mostOutput - stderr.length);
      });
      child.on('error', (cause) => {
        clearTimeout(timer);
        reject(new RunError('not_started', `${file}: cannot be started (${cause.message})`, { cause }));
      });
      child.on('close', (status) => {
        clearTimeout(timer);
        if (timedOut) reject(new RunError('timed_out', `${file}: no end after ${limitMs / 1000} s`));
        else resolve({ status, stdout, stderr });
      });
      // A command that ends without reading all of its input closes the pipe: its exit status tells, not EPIPE.
      child.stdin.on('error', () => {});
      child.stdin.end(stdin ?? '');
    });
}

function end(child: ChildProcessWithoutNullStreams, wholeGroup: boolean): void {
  if (!wholeGroup || child.pid === undefined) {
    child.kill('SIGKILL');
    return;
  }
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Nobody of the group is there any more.
  }
  // Who left the group may hold the pipes open for ever.
  child.stdout.destroy();
  child.stderr.destroy();
}
