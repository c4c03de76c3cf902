import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect, type Sql } from '../connect.ts';
import { silentLog } from '../log.ts';
import { testFolder } from '../testing/run-folder.ts';
import { waitFor } from '../wait.ts';
import { foldersOf } from './folders.ts';
import { isAlive, parsePostmaster, postmasterFile } from './postmaster.ts';
import { type EmbeddedServer, openEmbedded } from './supervisor.ts';

const isRoot = process.getuid?.() === 0;
const needsRoot = isRoot ? '' : ' (skipped: it needs root)';

/** A name that wants quoting wherever it is used. */
const NAME = 'a "data", folder';

let dataDir: string;
const opened = new Set<EmbeddedServer>();

/** The first test makes a database in earnest; those after it work on copies, which take a moment. */
const firstFolder = testFolder();
afterAll(() => rmSync(firstFolder, { recursive: true }));
beforeEach(() => {
  const folder = testFolder();
  if (existsSync(join(firstFolder, NAME))) execFileSync('cp', ['-a', join(firstFolder, NAME), folder]);
  dataDir = join(folder, NAME);
});
afterEach(async () => {
  await Promise.all([...opened].map(stop));
  expect(runningPid()).toBeUndefined();
  if (existsSync(join(firstFolder, NAME))) rmSync(join(dataDir, '..'), { recursive: true });
  else renameSync(dataDir, join(firstFolder, NAME));
});

async function open(supervise = true, folder = dataDir): Promise<EmbeddedServer> {
  const server = await openEmbedded({ dataDir: folder, log: silentLog, supervise });
  opened.add(server);
  return server;
}

async function stop(server: EmbeddedServer): Promise<void> {
  opened.delete(server);
  await server.stop();
}

/** Process id of the server on the data folder. */
function runningPid(folder = dataDir): number | undefined {
  const pid = parsePostmaster(postmasterFile(foldersOf(folder).cluster) ?? '')?.pid;
  return pid !== undefined && isAlive(pid) ? pid : undefined;
}

async function ask<T>(server: EmbeddedServer, act: (sql: Sql) => Promise<T>): Promise<T> {
  const sql = connect(server.url, { max: 1 });
  try {
    return await act(sql);
  } finally {
    await sql.end();
  }
}

describe('the private database', () => {
  it('keeps what it was told, listens on no network, and belongs to its owner alone', async () => {
    const server = await open();
    const [settings] = await ask(
      server,
      (sql) => sql`
        select current_setting('fsync') as fsync, current_setting('full_page_writes') as pages,
          current_setting('synchronous_commit') as commits, current_setting('data_checksums') as checksums,
          current_setting('listen_addresses') as addresses, current_setting('server_encoding') as encoding,
          (select datcollate from pg_database where datname = current_database()) as locale`,
    );
    expect(settings).toEqual({
      fsync: 'on',
      pages: 'on',
      commits: 'on',
      checksums: 'on',
      addresses: '',
      encoding: 'UTF8',
      locale: 'C',
    });
    const { root } = foldersOf(dataDir);
    for (const folder of [root, join(root, 'run'), join(root, 'data')]) {
      expect(statSync(folder).mode & 0o777).toBe(0o700);
    }
    await stop(server);
    const again = await open();
    expect(
      await ask(again, (sql) => sql`select count(*) as n from pg_database where datname = 'picket'`),
    ).toEqual([{ n: 1 }]);
  });

  it.runIf(isRoot)(`runs as an unprivileged user when started as root${needsRoot}`, async () => {
    await open();
    expect(statSync(`/proc/${runningPid()}`).uid).not.toBe(0);
  });

  it.runIf(isRoot)(`says which folder its user cannot pass through${needsRoot}`, async () => {
    const closed = join(dataDir, 'closed');
    mkdirSync(closed, { recursive: true, mode: 0o700 });
    const code = 'folder_closed';
    await expect(open(true, join(closed, 'inside'))).rejects.toMatchObject({
      code,
      message: expect.stringContaining(closed),
    });
  });

  it.runIf(isRoot)(
    `makes its way through a data folder of root’s without opening it to others${needsRoot}`,
    async () => {
      const closed = join(dataDir, '..', 'closed');
      mkdirSync(closed, { mode: 0o700 });
      execFileSync('cp', ['-a', join(dataDir, 'postgres'), closed]);
      await open(true, closed);
      expect(statSync(closed).mode & 0o777).toBe(0o710);
    },
  );

  it('puts its socket into a short folder when the data folder’s path is too long for one', async () => {
    const deep = join(dataDir, '..', 'x'.repeat(100));
    renameSync(dataDir, deep);
    const server = await open(true, deep);
    const socketFolder = new URL(server.url).searchParams.get('host') ?? '';
    expect(socketFolder).toMatch(/picket-[0-9a-f]{16}$/);
    expect(await ask(server, (sql) => sql`select 1 as one`)).toEqual([{ one: 1 }]);
    await stop(server);
    expect(runningPid(deep)).toBeUndefined();
    rmdirSync(socketFolder);
  });

  it('tells in the server’s own words why it does not start', async () => {
    await stop(await open());
    appendFileSync(join(foldersOf(dataDir).cluster, 'postgresql.conf'), 'no_such_setting = 1\n');
    const words = { code: 'start_failed', message: expect.stringContaining('no_such_setting') };
    await expect(open()).rejects.toMatchObject(words);
  });
});

describe('one server per folder', () => {
  it('is shared by all that start at once', async () => {
    const servers = await Promise.all([open(), open(), open(false)]);
    expect(new Set(servers.map(({ url }) => url)).size).toBe(1);
    const pids = await Promise.all(
      servers.map((s) => ask(s, (sql) => sql`select pg_postmaster_start_time()`)),
    );
    expect(new Set(pids.map((rows) => String(rows[0]?.pg_postmaster_start_time))).size).toBe(1);
  });

  it('is left running by a command that did not start it, and stopped by one that did', async () => {
    const collector = await open();
    await stop(await open(false));
    expect(runningPid()).toBeDefined();
    await stop(collector);
    expect(runningPid()).toBeUndefined();
    await stop(await open(false));
    expect(runningPid()).toBeUndefined();
  });

  it('is left running while somebody else is connected', async () => {
    const [first, second] = [await open(), await open()];
    await ask(second, async (sql) => {
      await sql`select 1`;
      await stop(first);
      expect(await sql`select 1 as one`).toEqual([{ one: 1 }]);
    });
  });

  it('is adopted from a collector that was killed', async () => {
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', fileURLToPath(new URL('../testing/hold-open.ts', import.meta.url)), dataDir],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    await once(child.stdout, 'data');
    const pid = runningPid();
    child.kill('SIGKILL');
    await once(child, 'exit');
    const server = await open();
    expect(runningPid()).toBe(pid);
    expect(await ask(server, (sql) => sql`select kept from note`)).toEqual([{ kept: 'yes' }]);
  });
});

describe('a server that dies', () => {
  it('is started again in its place, with all that was committed', async () => {
    const server = await open();
    await ask(server, (sql) => sql`create table note as select 'yes' as kept`);
    const pid = runningPid() ?? 0;
    process.kill(pid, 'SIGKILL');
    await waitFor(() => (runningPid() === pid ? undefined : true), 5000);
    const row = await waitFor(
      () => ask(server, (sql) => sql`select kept from note`).catch(() => undefined),
      20_000,
    );
    expect(row).toEqual([{ kept: 'yes' }]);
  });

  it('is started although its process id belongs to another program now', async () => {
    await stop(await open());
    const { cluster } = foldersOf(dataDir);
    const lines = [process.pid, cluster, 0, 5432, join(dataDir, 'postgres/run'), '', '', 'ready   '];
    writeFileSync(join(cluster, 'postmaster.pid'), `${lines.join('\n')}\n`);
    await open();
    expect(runningPid()).not.toBe(process.pid);
    expect(readFileSync(join(cluster, 'postmaster.pid'), 'utf8')).not.toMatch(`${process.pid}\n`);
  });
});
