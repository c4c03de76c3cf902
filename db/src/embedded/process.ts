import { type ChildProcess, execFile, spawn } from 'node:child_process';

/** The user and group a program runs as. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** A program with its arguments, never through a shell. */
export interface Command {
  readonly argv: readonly [string, ...string[]];
  /** Undefined: as this process. */
  readonly account?: Account | undefined;
}

/** How a program ended. `status` is its exit status; undefined when it could not be run at all. */
export interface Outcome {
  readonly status: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** Longest a program that ends by itself may take, ms: initdb on a slow disk. */
export const RUN_TIMEOUT_MS = 120_000;

/** Runs a program to its end. Never throws: what went wrong is in the outcome. */
export function run({ argv: [program, ...args], account }: Command): Promise<Outcome> {
  const options = { ...account, cwd: '/', env: environment(), timeout: RUN_TIMEOUT_MS };
  return new Promise((resolve) => {
    execFile(program, args, options, (error, stdout, stderr) => {
      if (error === null) return resolve({ status: 0, stdout, stderr });
      const status = typeof error.code === 'number' ? error.code : undefined;
      resolve({ status, stdout, stderr: stderr || error.message });
    });
  });
}

/**
 * Starts a server that outlives this process and its terminal.
 *
 * @param outputFd takes its standard output and error: a pipe would break when this process dies
 */
export function launch({ argv: [program, ...args], account }: Command, outputFd: number): ChildProcess {
  const child = spawn(program, args, {
    ...account,
    cwd: '/',
    env: environment(),
    stdio: ['ignore', outputFd, outputFd],
    detached: true,
  });
  child.unref();
  return child;
}

/** A plain environment: `PG*` variables would point the programs elsewhere, a locale would translate their words. */
function environment(): NodeJS.ProcessEnv {
  return { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', TZ: 'UTC' };
}
