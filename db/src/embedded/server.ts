import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, openSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseError } from '../errors.ts';
import type { Log } from '../log.ts';
import { waitFor } from '../wait.ts';
import { serverAccount } from './account.ts';
import { makeDatabase, runningServer } from './answer.ts';
import { clusterMajor, isBeingMade, makeCluster, OWNER } from './cluster.ts';
import { type Folders, makeFolders, makeSocketFolder } from './folders.ts';
import { isAlive, isForeign, type Postmaster, parsePostmaster, postmasterFile } from './postmaster.ts';
import { type Account, launch } from './process.ts';
import { findPrograms } from './programs.ts';
import { type Settings, settingsArguments, startSettings } from './settings.ts';

/** Longest a start may take, ms: recovery after a crash reads back up to `max_wal_size`. */
const START_TIMEOUT_MS = 120_000;

/** Longest a fast shutdown may take, ms; it writes one checkpoint. */
const STOP_TIMEOUT_MS = 60_000;

/** What an embedded server is asked for. */
export interface ServerOptions {
  readonly dataDir: string;
  readonly log: Log;
  /** Added to the command line; tests switch `fsync` off here. */
  readonly settings?: Settings;
}

/** A server that takes connections. */
export interface RunningServer extends Postmaster {
  /** True when it was running already. */
  readonly adopted: boolean;
}

interface Place extends ServerOptions {
  readonly account: Account | undefined;
  readonly folders: Folders;
}

/**
 * The one server of a data folder: the one that runs, else a new one. Safe when several processes ask at once:
 * PostgreSQL's own lock on the cluster decides, and the others adopt the winner.
 */
export async function ensureServer(options: ServerOptions): Promise<RunningServer> {
  const account = await serverAccount(options.dataDir);
  const place: Place = { ...options, account, folders: makeFolders(options.dataDir, account) };
  const server = await waitFor(() => adopt(place) ?? start(place), START_TIMEOUT_MS);
  if (server === undefined) {
    throw new DatabaseError(
      'start_failed',
      `the private database did not start within ${START_TIMEOUT_MS / 1000} s: ${lastWords(place.folders.logs)}`,
    );
  }
  await makeDatabase(server, OWNER);
  return server;
}

/** Undefined when nothing runs; a promise of undefined while something runs that takes no connections yet. */
function adopt({ folders: { cluster } }: Place): Promise<RunningServer | undefined> | undefined {
  const text = postmasterFile(cluster);
  const found = parsePostmaster(text ?? '');
  if (found === undefined || !isAlive(found.pid)) return undefined;
  if (isForeign(found.pid)) {
    if (postmasterFile(cluster) === text) rmSync(join(cluster, 'postmaster.pid'), { force: true });
    return undefined;
  }
  return runningServer(cluster).then((server) => server && { ...server, adopted: true });
}

/** Undefined when another process was faster: ask again. */
async function start(place: Place): Promise<RunningServer | undefined> {
  const { folders, account, log } = place;
  if (isBeingMade(folders.cluster)) return undefined;
  const programs = await findPrograms({
    account,
    clusterMajor: clusterMajor(folders.cluster),
    copyFolder: folders.programs,
  });
  if (clusterMajor(folders.cluster) === undefined) {
    if (isBeingMade(folders.cluster)) return undefined;
    await makeCluster(programs.folder, folders.cluster, account);
    log.info({ folder: folders.cluster, programs: programs.folder }, 'private database made');
  }
  // A file of this start's own: of several that start at once, each must hear why it failed.
  const startLog = join(folders.root, `start.${randomUUID()}`);
  try {
    const child = launchServer(place, programs.folder, startLog);
    const server = await untilUp(child, folders.cluster);
    if (server === undefined) return afterFailedStart(lastWords(folders.logs, startLog));
    log.info({ pid: server.pid, programs: programs.folder }, 'private database started');
    return { ...server, adopted: false };
  } finally {
    rmSync(startLog, { force: true });
  }
}

/** @param startLog takes what the server says before its own log begins */
function launchServer(place: Place, programs: string, startLog: string): ChildProcess {
  const { folders, account, settings } = place;
  const fixed = startSettings(makeSocketFolder(folders.root, account), folders.logs);
  const argv = [join(programs, 'postgres'), '-D', folders.cluster] as const;
  const output = openSync(startLog, 'w', 0o600);
  try {
    return launch({ argv: [...argv, ...settingsArguments({ ...fixed, ...settings })], account }, output);
  } finally {
    closeSync(output);
  }
}

/** The server of this very process once it takes connections; undefined when the process ended. */
async function untilUp(child: ChildProcess, cluster: string): Promise<Postmaster | undefined> {
  const server = await waitFor(async () => {
    if (hasEnded(child)) return 'ended';
    const found = await runningServer(cluster);
    return found?.pid === child.pid ? found : undefined;
  }, START_TIMEOUT_MS);
  return server === 'ended' ? undefined : server;
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

/** What a server says that lost against another one, or against one that has not quite gone. */
const LOST_RACE = /lock file|shared memory block|[Ii]s another (?:server|postmaster)/;

function afterFailedStart(words: string): undefined {
  if (LOST_RACE.test(words)) return undefined;
  throw new DatabaseError('start_failed', `the private database did not start: ${words}`);
}

/** The end of what the server said: at its last start, and in the newest of its logs. */
function lastWords(logs: string, startLog?: string): string {
  const files = readdirSync(logs).map((name) => join(logs, name));
  const newest = files.sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0];
  return [startLog, newest]
    .filter((file) => file !== undefined)
    .map((file) => readFileSync(file, 'utf8').trim().slice(-1500))
    .join('\n');
}

/**
 * Stops a server: open transactions are rolled back, everything is written (PostgreSQL's fast shutdown). Returns when
 * the process has gone.
 */
export async function stopServer({ pid }: Pick<Postmaster, 'pid'>): Promise<void> {
  if (!signal(pid, 'SIGINT')) return;
  const gone = await waitFor(() => (isAlive(pid) ? undefined : true), STOP_TIMEOUT_MS);
  if (gone) return;
  throw new DatabaseError(
    'stop_failed',
    `the private database (process ${pid}) did not stop within ${STOP_TIMEOUT_MS / 1000} s`,
  );
}

function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}
