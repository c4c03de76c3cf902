import type { Database } from '@picket/db';
import { testDatabase } from '@picket/db/testing';
import { uuid7TimeMs } from '@picket/protocol';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { withoutIndexes } from './bulk.ts';
import { copyOf } from './copy-of.ts';

let database: Database;

beforeAll(async () => {
  database = await testDatabase();
  await database.sql.unsafe(`
    create table parent (source cidr primary key);
    create table heard (id uuid not null, source cidr not null references parent, at timestamptz not null,
      told_rev int, news_rev int, token text, primary key (source, id)) partition by range (id);
    create table heard_rest partition of heard default;
    create index heard_late on heard (at) where told_rev < news_rev`);
});

afterAll(() => database.close());

const keysOf = async () => {
  const { sql } = database;
  const constraints = await sql<{ text: string }[]>`
    select conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) as text from pg_constraint
    where conrelid in ('parent'::regclass, 'heard'::regclass, 'heard_rest'::regclass) order by text`;
  const indexes = await sql<{ text: string }[]>`
    select indexdef as text from pg_indexes where tablename in ('parent', 'heard', 'heard_rest') order by text`;
  return [...constraints, ...indexes].map(({ text }) => text);
};

it('gives tables their keys and indexes back, partitions too', async () => {
  const before = await keysOf();
  let meanwhile: string[] = [];
  await withoutIndexes(database.sql, ['heard', 'parent'], async () => {
    meanwhile = await keysOf();
  });
  expect(meanwhile).toEqual([]);
  expect(await keysOf()).toEqual(before);
});

it('copies rows to other sources and earlier times, with names of their own, and nothing to tell', async () => {
  const { sql } = database;
  await sql.unsafe(`
    create table seed_heard as
    select '01932e4a-7c02-7000-8000-000000000002'::uuid as id, s::cidr as source,
      timestamptz '2024-11-15 08:00:00.002Z' as at, 0 as told_rev, 3 as news_rev, 'long' as token
    from unnest(array['192.0.2.1', '192.0.2.2', '192.0.2.2']) s;
    create table seed_rank as
    select source, row_number() over () - 1 as rank, 2 as sources from (select distinct source from seed_heard) s`);
  const columns = await sql<{ name: string; type: string }[]>`
    select column_name as name, udt_name as type from information_schema.columns
    where table_name = 'heard' order by ordinal_position`;
  const seedMs = Date.parse('2024-11-15T08:00:00.002Z');
  await sql`alter table heard drop constraint heard_pkey`;
  await sql`alter table heard drop constraint heard_source_fkey`;
  await sql.unsafe(copyOf('heard', columns), [0, 10, 0, 10, 31 * 86_400]);
  const rows = await sql<{ id: string; source: string; at: Date; told_rev: number; token: string }[]>`
    select * from heard`;
  expect(rows).toHaveLength(30);
  expect(new Set(rows.map(({ source }) => source)).size).toBe(20);
  for (const { id, at, told_rev, token } of rows) {
    expect([told_rev, token]).toEqual([3, '']);
    expect(at.getTime()).toBeLessThanOrEqual(seedMs - 86_400_000);
    expect(at.getTime()).toBeGreaterThan(seedMs - 31 * 86_400_000);
    expect(
      Math.abs(
        uuid7TimeMs(id) - at.getTime() - (uuid7TimeMs('01932e4a-7c02-7000-8000-000000000002') - seedMs),
      ),
    ).toBeLessThanOrEqual(1);
  }
});
