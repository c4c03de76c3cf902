import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type Sql } from '../connect.ts';
import { migrate, migrationsFolder } from '../migrate.ts';
import { maintainPartitions, RETENTION_MS } from '../partitions.ts';

/** Key of the advisory lock under which one worker makes the template, and the others wait. */
const TEMPLATE_LOCK = '7410264309541263701';

/** Test databases older than this, ms, are of runs that were killed. */
const STALE_MS = 3_600_000;

/** The same server, another database. */
export function withDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}

/** Makes a migrated database on the server by copying a template, and returns its name. */
export async function makeTestDatabase(admin: Sql, url: string): Promise<string> {
  const template = `picket_template_${migrationsHash()}`;
  await makeTemplate(admin, url, template);
  const name = `picket_test_${Date.now()}_${Math.random().toString(36).slice(2, 10)}`;
  await admin`create database ${admin(name)} template ${admin(template)}`;
  return name;
}

/** Drops a test database, whoever is still connected to it. */
export async function dropTestDatabase(admin: Sql, name: string): Promise<void> {
  await admin`drop database if exists ${admin(name)} with (force)`;
}

/** Drops what killed runs left on a server that outlives them. */
export async function dropStaleDatabases(url: string): Promise<void> {
  const admin = connect(url, { max: 1 });
  try {
    const found = await admin<{ name: string }[]>`
      select datname as name from pg_database where datname ~ '^picket_test_[0-9]+_'`;
    const stale = found.filter(({ name }) => Number(name.split('_')[2]) < Date.now() - STALE_MS);
    for (const { name } of stale) await dropTestDatabase(admin, name);
  } finally {
    await admin.end();
  }
}

/** Made under another name and renamed: a template is whole or not there. */
async function makeTemplate(admin: Sql, url: string, template: string): Promise<void> {
  const reserved = await admin.reserve();
  try {
    await reserved`select pg_advisory_lock(${TEMPLATE_LOCK}::int8)`;
    const [found] = await reserved`select 1 from pg_database where datname = ${template}`;
    if (found !== undefined) return;
    const draft = `${template}_draft`;
    await reserved`drop database if exists ${admin(draft)} with (force)`;
    await reserved`create database ${admin(draft)}`;
    await fill(withDatabase(url, draft));
    await reserved`alter database ${admin(draft)} rename to ${admin(template)}`;
  } finally {
    await reserved`select pg_advisory_unlock_all()`;
    reserved.release();
  }
}

async function fill(url: string): Promise<void> {
  await migrate(url);
  const sql = connect(url, { max: 1 });
  await maintainPartitions(sql, { nowMs: Date.now(), retentionMs: RETENTION_MS });
  await sql.end();
}

/** Another set of migrations, or another day's partitions, is another template. */
function migrationsHash(): string {
  const folder = migrationsFolder();
  const hash = createHash('sha256').update(new Date().toISOString().slice(0, 10));
  for (const name of readdirSync(folder).sort()) {
    if (name.endsWith('.sql')) hash.update(readFileSync(join(folder, name)));
  }
  return hash.digest('hex').slice(0, 12);
}
