import { connect, type Sql } from '@picket/db';
import type { FleetHost } from './fleet.ts';

/*
 * All that the benchmarks know of the collector's tables.
 */

/** Opens a database for counting and loading; nothing in it is limited in time. */
export const openTables = (url: string): Sql => connect(url, { max: 2, statementTimeoutMs: 0 });

/** Enrols hosts without the wire: a fleet does not join within a minute, and joining is not what is measured. */
export async function enrolHosts(sql: Sql, networkId: string, hosts: readonly FleetHost[]): Promise<void> {
  const ids = hosts.map(({ hostId }) => hostId);
  await sql`
    insert into host (network_id, id, name, os, arch, agent_version)
    select ${networkId}, id, 'host-' || n, 'linux', 'x64', '0.1.0'
    from unnest(${ids}::uuid[]) with ordinality as h(id, n)`;
  await sql`
    insert into host_key (network_id, thumbprint, host_id, public_jwk)
    select ${networkId}, thumbprint, id, jwk::jsonb
    from unnest(${ids}::uuid[], ${hosts.map(({ identity }) => identity.thumbprint)}::text[],
      ${hosts.map(({ identity }) => JSON.stringify(identity.publicJwk))}::text[]) as k(id, thumbprint, jwk)`;
}

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

/** Tables that batches add nothing to. */
const STANDING = ['network', 'host', 'host_key', 'collector_key', 'join_token', 'allow_entry'];

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
