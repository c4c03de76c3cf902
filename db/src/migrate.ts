import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readMigrationFiles } from 'drizzle-orm/migrator';
import { connect } from './connect.ts';
import { checkServerVersion } from './server-version.ts';

/** Key of the advisory lock that only migrations take: the first 8 bytes of SHA-256 of "picket migrations". */
const MIGRATION_LOCK = '-7019230825268296870';

/** One migration as drizzle-kit wrote it: its statements, when it was generated (Unix ms), and its checksum. */
type Migration = ReturnType<typeof readMigrationFiles>[number];

/**
 * Brings the database's tables to the newest form: all that is missing in one transaction, or nothing. Safe when
 * several replicas start at once: the second waits and finds nothing to do. (drizzle's own migrator has no lock; the
 * lock here ends with the transaction, so that a pooler cannot leave it behind.)
 *
 * @param url where the database is
 * @param folder what drizzle-kit wrote; by default the folder of this package or, bundled, the one beside the bundle
 * @returns how many migrations were made
 */
export async function migrate(url: string, folder = migrationsFolder()): Promise<number> {
  const migrations = readMigrationFiles({ migrationsFolder: folder });
  const sql = connect(url, { max: 1, applicationName: 'picket migrate', statementTimeoutMs: 0 });
  try {
    await checkServerVersion(sql);
    return await sql.begin(async (tx) => {
      await tx`select pg_advisory_xact_lock(${MIGRATION_LOCK}::int8)`;
      // Names of drizzle's own migrator, so that its tools find their way.
      await tx`create schema if not exists drizzle`;
      await tx`create table if not exists drizzle.__drizzle_migrations
        (id serial primary key, hash text not null, created_at bigint)`;
      const done = await tx<{ made: number }[]>`select created_at as made from drizzle.__drizzle_migrations`;
      const missing = missingMigrations(migrations, new Set(done.map((row) => row.made)));
      for (const { sql: statements, hash, folderMillis } of missing) {
        for (const statement of statements) await tx.unsafe(statement);
        await tx`insert into drizzle.__drizzle_migrations (hash, created_at) values (${hash}, ${folderMillis})`;
      }
      return missing.length;
    });
  } finally {
    await sql.end();
  }
}

function missingMigrations(all: readonly Migration[], madeMs: ReadonlySet<number>): Migration[] {
  return all.filter((migration) => !madeMs.has(migration.folderMillis));
}

/** `migrations/` beside the bundle where the build put it, else this package's own. */
export function migrationsFolder(): string {
  const beside = fileURLToPath(new URL('./migrations', import.meta.url));
  return existsSync(beside) ? beside : fileURLToPath(new URL('../migrations', import.meta.url));
}
