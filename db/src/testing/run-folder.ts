import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive, parsePostmaster, postmasterFile } from '../embedded/postmaster.ts';
import { stopServer } from '../embedded/server.ts';

/** Name of a run's folder: the process id of the test runner makes it, and tells whether the run still lives. */
const RUN_FOLDER = /^picket-test-(\d+)$/;

/** Makes the folder of this run; two projects of one run share it. */
export function makeRunFolder(): string {
  const folder = join(tmpdir(), `picket-test-${process.pid}`);
  mkdirSync(folder, { recursive: true, mode: 0o711 });
  chmodSync(folder, 0o711); // the server's user passes through it, whatever the umask
  return folder;
}

/** A new folder in that of this run, which a server's user can pass through. What is left in it goes with the run. */
export function testFolder(): string {
  const folder = mkdtempSync(join(process.env.PICKET_TEST_DIR ?? tmpdir(), 'folder-'));
  chmodSync(folder, 0o711);
  return folder;
}

/** Stops the servers that a run or its tests started, and removes its folder. */
export async function removeRunFolder(folder: string): Promise<void> {
  if (!existsSync(folder)) return;
  for (const pid of serverPids(folder)) await stopServer({ pid });
  rmSync(folder, { recursive: true, force: true });
}

/**
 * Removes a run's folder when its process ends before the set-up could be undone, as at an interrupt: at once, since
 * nothing can be awaited any more then.
 */
export function removeAtExit(folder: string): void {
  process.once('exit', () => {
    for (const pid of serverPids(folder)) killAndWait(pid);
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  });
  process.once('SIGHUP', () => process.exit(128 + 1)); // vitest turns SIGINT and SIGTERM into an exit, not this one
}

/** Longest an exiting process waits for its server, ms. */
const KILL_TIMEOUT_MS = 3000;

/** SIGQUIT ends a server without a checkpoint: what it holds is thrown away anyway. */
function killAndWait(pid: number): void {
  process.kill(pid, 'SIGQUIT');
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let ms = 0; ms < KILL_TIMEOUT_MS && isAlive(pid); ms += 20) Atomics.wait(pause, 0, 0, 20);
}

/** How deep below a run's folder a cluster may lie: folder-x/data folder/postgres/data. */
const CLUSTER_DEPTH = 5;

/** Process ids of the servers that run on clusters in a folder. */
function serverPids(folder: string, depth = CLUSTER_DEPTH): number[] {
  if (existsSync(join(folder, 'PG_VERSION'))) {
    const pid = parsePostmaster(postmasterFile(folder) ?? '')?.pid;
    return pid !== undefined && isAlive(pid) ? [pid] : [];
  }
  if (depth === 0 || !existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => serverPids(join(folder, entry.name), depth - 1));
}

/** Removes what runs left that were killed. */
export async function sweepRunFolders(): Promise<void> {
  for (const name of readdirSync(tmpdir())) {
    const pid = RUN_FOLDER.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) await removeRunFolder(join(tmpdir(), name));
  }
}
