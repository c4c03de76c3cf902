import { connect } from './connect.ts';
import { socketUrl } from './embedded/answer.ts';
import { ensureServer } from './embedded/server.ts';
import { silentLog } from './log.ts';
import { type Database, openClients } from './open-database.ts';
import { dropTestDatabase, makeTestDatabase, withDatabase } from './testing/databases.ts';

/** What a throw-away server may lose at a crash, for speed. */
const THROW_AWAY = {
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  max_connections: '200',
};

/**
 * A fresh, migrated database with partitions, for one test or one file of tests. It lives on the run's own server,
 * which the first caller starts through the embedded supervisor, or on the server of `DATABASE_URL`. Its `close` drops
 * it. Its `url` may be given to child processes as `DATABASE_URL`.
 */
export async function testDatabase(): Promise<Database> {
  const url = await testServer();
  const name = await asAdmin(url, (admin) => makeTestDatabase(admin, url));
  const database = openClients(withDatabase(url, name));
  return {
    ...database,
    async close() {
      await database.close();
      await asAdmin(url, (admin) => dropTestDatabase(admin, name));
    },
  };
}

async function asAdmin<T>(url: string, act: (admin: ReturnType<typeof connect>) => Promise<T>): Promise<T> {
  const admin = connect(url, { max: 1 });
  try {
    return await act(admin);
  } finally {
    await admin.end();
  }
}

/** URL of the run's server; its database is one to administer from. */
export async function testServer(): Promise<string> {
  const given = process.env.DATABASE_URL;
  if (given !== undefined) return given;
  const dataDir = process.env.PICKET_TEST_DIR;
  if (dataDir === undefined)
    throw new Error('testDatabase() works in vitest only: its global set-up is missing');
  return socketUrl(await ensureServer({ dataDir, log: silentLog, settings: THROW_AWAY }), 'postgres');
}
