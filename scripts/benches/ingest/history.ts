import { connect, MIN_RETENTION_MS, type Sql } from '@picket/db';
import { withoutIndexes } from './bulk.ts';
import { type Column, copyOf } from './copy-of.ts';

/** What a sighting takes in all its tables with their indexes, bytes, generously: for the look at the disk. */
export const BYTES_PER_SIGHTING = 1_000;

/** Sightings of one statement. */
const CHUNK = 500_000;

/** A table of which a history has copies, with its columns. */
type Table = { name: string; columns: readonly Column[] };

/** Rows that were taken out of the tables, of which a history is made. */
export type Seeds = { tables: readonly Table[]; sightings: number };

/** Opens a database for loading: one connection, so that its settings hold for all statements. */
export async function openHistory(url: string): Promise<Sql> {
  const sql = connect(url, { max: 1, statementTimeoutMs: 0 });
  await sql`set synchronous_commit = off`;
  await sql`set session_replication_role = replica`;
  return sql;
}

/**
 * Takes out of the tables what a collector has just stored there: sightings of IPv4 sources and all that stands beside
 * them. Shared blocks go without copies: a network has thousands of them and not millions.
 */
export async function takeSeeds(sql: Sql): Promise<Seeds> {
  const columns = await sql<(Column & { table: string })[]>`
    select c.table_name as table, c.column_name as name, c.udt_name as type
    from information_schema.columns c join pg_class t on t.relname = c.table_name and not t.relispartition
    where c.table_schema = 'public' and c.table_name not in ('block', 'host_act', 'allow_entry', 'audit_entry')
    order by c.ordinal_position`;
  const names = [
    ...new Set(columns.filter(({ name }) => ['source', 'jti'].includes(name)).map((c) => c.table)),
  ];
  const tables = names.map((name) => ({ name, columns: columns.filter((c) => c.table === name) }));
  for (const { name, columns: own } of tables) {
    const only = own.some((c) => c.name === 'source') ? 'where family(source) = 4' : '';
    await sql.unsafe(`create unlogged table "seed_${name}" as select * from "${name}" ${only}`);
    await sql.unsafe(`analyze "seed_${name}"`);
  }
  await sql`
    create unlogged table seed_rank as
    select source, row_number() over (order by source) - 1 as rank, count(*) over () as sources
    from (select distinct source from seed_sighting) s`;
  await sql.unsafe(`truncate ${names.map((name) => `"${name}"`).join(', ')}, block`);
  const [row] = await sql<{ count: number }[]>`select count(*) from seed_sighting`;
  return { tables, sightings: row?.count ?? 0 };
}

/**
 * Adds copies of the seeds until there are so many sightings: each copy from sources and with names of its own, over the
 * shortest retention but its last day, told by a digest already. Batches come without their bodies: nothing reads them.
 *
 * @param order number of copies there are, and sightings there shall be
 * @returns number of copies there are now
 */
export async function loadHistory(
  sql: Sql,
  { tables, sightings }: Seeds,
  order: { copies: number; rows: number },
  say: (text: string) => void,
): Promise<number> {
  const copies = Math.ceil(order.rows / sightings);
  const step = Math.max(1, Math.floor(CHUNK / sightings));
  const names = tables.map(({ name }) => name);
  await withoutIndexes(sql, names, async () => {
    for (let from = order.copies; from < copies; from += step) {
      const to = Math.min(from + step, copies);
      for (const { name, columns } of tables)
        await sql.unsafe(copyOf(name, columns), [from, to, order.copies, copies, MIN_RETENTION_MS / 1_000]);
      say(`${((to * sightings) / 1e6).toFixed(1)} million sightings`);
    }
    say('indexes');
  });
  for (const name of names) await sql.unsafe(`vacuum (analyze) "${name}"`);
  return copies;
}
