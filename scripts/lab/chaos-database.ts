import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from '@picket/db';
import { socketUrl } from '../../db/src/embedded/answer.ts';
import { OWNER } from '../../db/src/embedded/cluster.ts';
import { foldersOf } from '../../db/src/embedded/folders.ts';
import { isAlive, parsePostmaster, postmasterFile } from '../../db/src/embedded/postmaster.ts';
import { ensureServer, stopServer } from '../../db/src/embedded/server.ts';
import { atExit } from './at-exit.ts';
import { waitFor } from './wait.ts';

/** The PostgreSQL of a lab, seen from outside whoever uses it. */
export type ChaosDatabase = {
  /** Whether the collector starts it. */
  isPrivate: boolean;
  url: () => string;
  /** The postmaster and all its children. */
  pids: () => Promise<number[]>;
  /** kill -9 of the postmaster; its children notice and end. */
  kill: () => Promise<void>;
  /** Resolves when it answers; starts it, where nobody else does. */
  start: () => Promise<void>;
  stop: () => Promise<void>;
};

/** Recovery after a crash on a busy machine, ms. */
const BACK_MS = 60_000;

const SILENT = { info: () => {}, warn: () => {} };

/** A server of the lab's own, which the one who kills it starts again; fsync and commits are as a collector has them. */
export async function ownDatabase(folder: string): Promise<ChaosDatabase> {
  const dataDir = join(folder, 'database');
  const start = () => ensureServer({ dataDir, log: SILENT }).then(() => {});
  await start();
  const database = onFolder(dataDir);
  // Its program belongs to no namespace of the lab, with which it would end.
  const forget = atExit(() => {
    const pid = runningPid(dataDir);
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
  });
  const stop = () => database.stop().finally(forget);
  return { ...database, isPrivate: false, start, stop };
}

/** The private server of a collector, which the collector starts again. */
export function privateDatabase(dataDir: string): ChaosDatabase {
  const database = onFolder(dataDir);
  return {
    ...database,
    isPrivate: true,
    start: async () => void (await waitFor('the database to be back', () => answers(database.url), BACK_MS)),
  };
}

const postmasterOf = (dataDir: string) => parsePostmaster(postmasterFile(foldersOf(dataDir).cluster) ?? '');

function runningPid(dataDir: string): number | undefined {
  const pid = postmasterOf(dataDir)?.pid;
  return pid !== undefined && isAlive(pid) ? pid : undefined;
}

function onFolder(dataDir: string): Omit<ChaosDatabase, 'start' | 'isPrivate'> {
  return {
    url: () => socketUrl(postmasterOf(dataDir) ?? { socketFolder: '', port: 0 }, OWNER),
    pids: async () => {
      const pid = runningPid(dataDir);
      return pid === undefined ? [] : [pid, ...(await childrenOf(pid))];
    },
    kill: async () => {
      const pid = runningPid(dataDir);
      if (pid === undefined) return;
      process.kill(pid, 'SIGKILL');
      await waitFor('the database to die', () => !isAlive(pid), BACK_MS);
    },
    stop: async () => {
      const pid = runningPid(dataDir);
      if (pid !== undefined) await stopServer({ pid });
    },
  };
}

async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return text.split(' ').filter(Boolean).map(Number);
}

async function answers(url: () => string): Promise<boolean> {
  const sql = connect(url(), { max: 1, connectTimeoutSeconds: 2 });
  try {
    return (await sql`select 1`).length === 1;
  } catch {
    return false;
  } finally {
    await sql.end({ timeout: 0 });
  }
}
