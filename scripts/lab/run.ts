import { spawn as spawnChild } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { waitFor } from './wait.ts';

/** How a process ended: its status, or the signal that ended it. */
export type Exit = { status: number | null; signal: NodeJS.Signals | null };

/** A command that has ended. */
export type Finished = Exit & { stdout: string; stderr: string };

export type ExecOptions = {
  stdin?: string | undefined;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  timeoutMs?: number;
};

/** Longest a command may take unless told, ms. */
const TIMEOUT_MS = 60_000;

/** Runs a command to its end, whatever its status. A command that takes too long is killed: its signal tells. */
export function exec(argv: readonly string[], options: ExecOptions = {}): Promise<Finished> {
  const [command = '', ...rest] = argv;
  const { stdin, timeoutMs = TIMEOUT_MS, ...place } = options;
  return new Promise((resolve, reject) => {
    const child = spawnChild(command, rest, { ...place, timeout: timeoutMs, killSignal: 'SIGKILL' });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
    child.on('error', reject);
    child.on('close', (status, signal) => resolve({ status, signal, stdout, stderr }));
    // A command that ends without reading its input breaks the pipe; its status tells more than that.
    child.stdin.on('error', () => {});
    child.stdin.end(stdin);
  });
}

/** As `exec`, and throws when the command fails. Returns what it printed. */
export async function mustExec(argv: readonly string[], options: ExecOptions = {}): Promise<string> {
  const { status, signal, stdout, stderr } = await exec(argv, options);
  if (status === 0) return stdout;
  throw new Error(`${argv.join(' ')}: ${signal ?? `status ${status}`}: ${(stderr || stdout).trim()}`);
}

/** A process that goes on running; its standard output and error go to one file. */
export type Running = {
  pid: number;
  logFile: string;
  exited: Promise<Exit>;
  /** All it has printed so far. */
  output: () => Promise<string>;
  /** Waits for something that needs the process; throws with its last words when it ends before. */
  unlessEnded: <T>(wait: Promise<T>) => Promise<T>;
  /** Waits until it has printed something. Throws when it ends before. */
  printed: (pattern: RegExp, deadlineMs: number) => Promise<RegExpExecArray>;
  /** Sends a signal to the process alone, not to its children, and waits for its end. */
  kill: (signal: NodeJS.Signals) => Promise<Exit>;
  /** Asks it to end, and ends its whole process group when it has not after five seconds. */
  stop: () => Promise<Exit>;
};

/** Time a process has to end by itself, ms. */
const GRACE_MS = 5_000;

/** Starts a process in a process group of its own. */
export function start(argv: readonly string[], logFile: string, options: ExecOptions = {}): Running {
  const [command = '', ...rest] = argv;
  const log = openSync(logFile, 'a');
  const { env, cwd } = options;
  const child = spawnChild(command, rest, {
    ...(env && { env }),
    ...(cwd && { cwd }),
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const exited = new Promise<Exit>((resolve) => {
    child.on('error', () => resolve({ status: 127, signal: null }));
    child.on('exit', (status, signal) => resolve({ status, signal }));
  });
  const output = () => readFile(logFile, 'utf8');
  const kill = (signal: NodeJS.Signals) => {
    child.kill(signal);
    return exited;
  };
  const early = exited.then(async () => {
    throw new Error(`${argv.join(' ')} ended early:\n${(await output()).slice(-2000)}`);
  });
  // Thrown only to who waits for something of the process.
  early.catch(() => {});
  const unlessEnded = <T>(wait: Promise<T>): Promise<T> => Promise.race([wait, early]);
  return {
    pid: child.pid ?? -1,
    logFile,
    exited,
    output,
    kill,
    unlessEnded,
    printed: (pattern, deadlineMs) => {
      const look = async () => pattern.exec(await output());
      return unlessEnded(waitFor(`${pattern} in ${logFile}`, look, deadlineMs));
    },
    stop: async () => {
      const timer = setTimeout(() => killGroup(child.pid), GRACE_MS);
      child.kill('SIGTERM');
      const how = await exited;
      clearTimeout(timer);
      killGroup(child.pid);
      return how;
    },
  };
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
