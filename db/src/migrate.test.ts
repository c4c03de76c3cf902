import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateDrizzleJson, generateMigration } from 'drizzle-kit/api';
import { getTableColumns, getTableName, is } from 'drizzle-orm';
import { PgTable } from 'drizzle-orm/pg-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect, type Sql } from './connect.ts';
import { migrate, migrationsFolder } from './migrate.ts';
import * as schema from './schema.ts';
import { refuseOldServer } from './server-version.ts';
import { dropTestDatabase, withDatabase } from './testing/databases.ts';
import { testServer } from './testing.ts';

const newest = (folder: string): string => {
  const { entries } = JSON.parse(readFileSync(join(folder, 'meta/_journal.json'), 'utf8'));
  return `${String(entries.length - 1).padStart(4, '0')}_snapshot.json`;
};

let admin: Sql;
let sql: Sql;
let url: string;
let name: string;
beforeEach(async () => {
  const server = await testServer();
  name = `picket_test_${Date.now()}_migrate`;
  admin = connect(server, { max: 1 });
  await admin`create database ${admin(name)}`;
  url = withDatabase(server, name);
  sql = connect(url, { max: 1 });
});
afterEach(async () => {
  await sql.end();
  await dropTestDatabase(admin, name);
  await admin.end();
});

describe('migrating', () => {
  it('makes exactly the columns that the schema names', async () => {
    await migrate(url);
    const rows = await sql<{ table: string; column: string; type: string; required: boolean }[]>`
      select c.relname as "table", a.attname as "column", a.attnotnull as required,
        format_type(a.atttypid, a.atttypmod) as type
      from pg_attribute a join pg_class c on c.oid = a.attrelid
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition and attnum > 0 and not attisdropped`;
    const made = rows.map(({ table, column, type, required }) => `${table}.${column} ${type} ${required}`);
    expect(made.sort()).toEqual(schemaColumns().sort());
  });

  it('leaves no difference between the schema and the newest snapshot', async () => {
    const folder = migrationsFolder();
    const snapshot = JSON.parse(readFileSync(join(folder, 'meta', newest(folder)), 'utf8'));
    expect(await generateMigration(snapshot, generateDrizzleJson(schema))).toEqual([]);
  });

  it('succeeds for all when several start at once, and is made once', async () => {
    const made = await Promise.all([migrate(url), migrate(url), migrate(url)]);
    expect(made.filter((count) => count > 0)).toHaveLength(1);
    expect(await migrate(url)).toBe(0);
  });

  it('partitions received batches and sightings by the time in their ids', async () => {
    await migrate(url);
    const [row] = await sql`
      select pg_get_partkeydef('received_batch'::regclass) as batches, pg_get_partkeydef('sighting'::regclass) as sightings`;
    expect(row).toEqual({ batches: 'RANGE (jti)', sightings: 'RANGE (id)' });
  });

  it('leaves packed batches as they are: they are compressed', async () => {
    await migrate(url);
    const [row] = await sql`
      select attstorage = 'e' as is_external from pg_attribute
      where attrelid = 'received_batch'::regclass and attname = 'packed'`;
    expect(row).toEqual({ is_external: true });
  });
});

describe('a migration that fails', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'picket-migrations-'));
    cpSync(migrationsFolder(), folder, { recursive: true });
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('leaves the database as it was', async () => {
    const journal = join(folder, 'meta/_journal.json');
    const { entries, ...rest } = JSON.parse(readFileSync(journal, 'utf8'));
    const bad = { idx: entries.length, version: '7', when: Date.now(), tag: 'bad', breakpoints: true };
    writeFileSync(journal, JSON.stringify({ ...rest, entries: [...entries, bad] }));
    writeFileSync(join(folder, 'bad.sql'), 'create table one ();--> statement-breakpoint\nselect 1 / 0');
    await expect(migrate(url, folder)).rejects.toMatchObject({ code: '22012' });
    expect(await sql`select relname from pg_class where relnamespace = 'public'::regnamespace`).toEqual([]);
    expect(await migrate(url)).toBe(entries.length);
  });
});

describe('the server', () => {
  it('is refused when it is older than PostgreSQL 15', () => {
    expect(() => refuseOldServer(140_011, '14.11')).toThrow(/PostgreSQL 14\.11; Picket needs PostgreSQL 15/);
    expect(() => refuseOldServer(150_000, '15.0')).not.toThrow();
  });
});

/** `table.column type required`, as PostgreSQL would say it. */
function schemaColumns(): string[] {
  const tables = Object.values(schema).filter((value) => is(value, PgTable));
  return tables.flatMap((table) =>
    Object.values(getTableColumns(table)).map((column) => {
      const type = column
        .getSQLType()
        .replace(/^timestamp \((\d)\)/, 'timestamp($1)')
        .replace(/^varchar/, 'character varying');
      return `${getTableName(table)}.${column.name} ${type} ${column.notNull}`;
    }),
  );
}
