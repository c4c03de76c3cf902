import { readFileSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, openDatabase } from '@picket/db';
import { atExit } from '../../lab/at-exit.ts';
import { keepTo, OTHER_CORE } from './cores.ts';

/** Where a run happens: a folder, and a private PostgreSQL with the shipped settings on a core of its own. */
export type Site = {
  folder: string;
  /** A new, empty database. */
  makeDatabase: () => Promise<string>;
  /** Takes a database away, whoever is connected. */
  dropDatabase: (url: string) => Promise<void>;
  close: () => Promise<void>;
};

const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: console.error };

/** Opens a site. It goes with the process at the latest. */
export async function openSite(): Promise<Site> {
  if (availableParallelism() < 2) throw new Error('two cores are needed: one for who is measured alone');
  await keepTo(OTHER_CORE);
  const folder = await mkdtemp(join(tmpdir(), 'picket-bench-'));
  const atLast = atExit(() => removeAll(folder));
  const database = await openDatabase({ dataDir: folder, log: SILENT });
  const admin = connect(database.url, { max: 1, statementTimeoutMs: 0 });
  await refuseUnsafe(admin);
  let count = 0;
  return {
    folder,
    makeDatabase: async () => {
      count += 1;
      const name = `bench_${count}`;
      await admin`create database ${admin(name)}`;
      return withDatabase(database.url, name);
    },
    dropDatabase: async (url) => {
      await admin`drop database ${admin(new URL(url).pathname.slice(1))} with (force)`;
    },
    close: async () => {
      await admin.end();
      await database.close();
      atLast();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The same server, another database. */
function withDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}

/** What is not durable is not measured. */
async function refuseUnsafe(sql: ReturnType<typeof connect>): Promise<void> {
  for (const name of ['fsync', 'synchronous_commit', 'full_page_writes']) {
    const [row] = await sql<{ value: string }[]>`select current_setting(${name}) as value`;
    if (row?.value !== 'on') throw new Error(`PostgreSQL runs with ${name}=${row?.value}`);
  }
}

/** What an interrupt leaves to be done; immediately, for nothing of it is kept. */
function removeAll(folder: string): void {
  try {
    const pid = Number.parseInt(readFileSync(join(folder, 'postgres/data/postmaster.pid'), 'utf8'), 10);
    if (pid > 1) process.kill(pid, 'SIGQUIT');
  } catch {
    // There is no server any more.
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
