import { connect, type Sql } from '@picket/db';

/*
 * All that the benchmarks know of the collector's tables.
 */

/** Opens a database for counting and loading; nothing in it is limited in time. */
export const openTables = (url: string): Sql => connect(url, { max: 2, statementTimeoutMs: 0 });

/** What the database holds, counted. */
export type Stored = { batches: number; sightings: number; sizeBytes: number };

/** Counts batches and sightings, and measures. */
export async function countStored(sql: Sql): Promise<Stored> {
  const [row] = await sql<Omit<Stored, 'sizeBytes'>[]>`
    select (select count(*) from received_batch) as batches, (select count(*) from sighting) as sightings`;
  if (row === undefined) throw new Error('PostgreSQL counted nothing');
  return { ...row, sizeBytes: await measureSize(sql) };
}

/** What all tables take on disk with their indexes, after a checkpoint. */
export async function measureSize(sql: Sql): Promise<number> {
  await sql`checkpoint`;
  const [row] = await sql<{ sizeBytes: number }[]>`
    select coalesce(sum(pg_total_relation_size(c.oid)), 0)::int8 as "sizeBytes"
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'public' and c.relkind in ('r', 'p')`;
  return row?.sizeBytes ?? 0;
}

/** Tables that batches add nothing to, or nothing that lasts. */
const STANDING = [
  ...['network', 'host', 'host_key', 'collector_key', 'join_token', 'allow_entry'],
  ...['audit_entry', 'digest', 'rate_limit'],
];

/** Rows of each table that batches add to; a partitioned one under the name of the whole. */
export async function countRows(sql: Sql): Promise<Map<string, number>> {
  const names = await sql<{ name: string }[]>`
    select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relispartition
      and not c.relname = any(${STANDING}) order by name`;
  const counts = new Map<string, number>();
  for (const { name } of names) {
    const [row] = await sql<{ count: number }[]>`select count(*) from ${sql(name)}`;
    if (row !== undefined && row.count > 0) counts.set(name, row.count);
  }
  return counts;
}

/** What all indexes take, bytes. */
export async function measureIndexes(sql: Sql): Promise<number> {
  const [row] = await sql<{ sizeBytes: number }[]>`
    select coalesce(sum(pg_relation_size(c.oid)), 0)::int8 as "sizeBytes"
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'public' and c.relkind = 'i'`;
  return row?.sizeBytes ?? 0;
}
