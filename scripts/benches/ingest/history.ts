import { connect, RETENTION_MS, type Sql } from '@picket/db';
import { withoutIndexes } from './bulk.ts';
import type { FleetHost } from './fleet.ts';

/** Which sightings a history has: numbers from `from` (included) to `to`. */
export type History = { networkId: string; hosts: readonly FleetHost[]; from: number; to: number };

/** What a sighting takes in all its tables with their indexes, bytes, generously: for the look at the disk. */
export const BYTES_PER_SIGHTING = 1_000;

/** Sightings of one statement. */
const CHUNK = 500_000;

/** Tables that get a row for each sighting. */
const TABLES = ['source', 'source_host', 'sighting'];

/** Sightings of one batch. */
const BATCH = 20;

/**
 * Loads sightings straight into the tables, spread over the retention but its last day: each from a source of its own,
 * over all hosts, told by a digest already. Of the batches the rows are there, and no bodies: nothing reads them.
 */
export async function loadHistory(url: string, history: History, say: (text: string) => void): Promise<void> {
  // One connection, so that its settings hold for all statements.
  const sql = connect(url, { max: 1, statementTimeoutMs: 0 });
  try {
    await sql`set synchronous_commit = off`;
    await sql`set session_replication_role = replica`;
    await withoutIndexes(sql, TABLES, async () => {
      for (let from = history.from; from < history.to; from += CHUNK) {
        await insertChunk(sql, history, [from, Math.min(from + CHUNK, history.to)]);
        say(`${Math.min(from + CHUNK, history.to) / 1e6} million sightings`);
      }
      say('indexes');
    });
    for (const table of [...TABLES, 'received_batch']) await sql.unsafe(`vacuum (analyze) "${table}"`);
  } finally {
    await sql.end();
  }
}

/** What of a number: when, on which host, from which source. */
const SEEN = `
  select n, md5(n::text) as hex, (extract(epoch from at) * 1000)::int8 as ms, at,
    ($1::uuid[])[1 + n * 7 % cardinality($1)] as host_id,
    host('20.0.0.0'::inet + n * 2654435761 % 1073741824)::cidr as source
  from generate_series($2::int8, $3::int8 - 1) n,
    lateral (select date_trunc('milliseconds', now() - make_interval(
      secs => 86400 + ($4::float8 - 86400) * (1 - (n - $2)::float8 / ($3 - $2)))) as at) t`;

async function insertChunk(
  sql: Sql,
  { networkId, hosts }: History,
  [from, to]: [number, number],
): Promise<void> {
  const values = [hosts.map(({ hostId }) => hostId), from, to, RETENTION_MS / 1_000 - 3_600];
  const uuid = `(lpad(to_hex(ms), 12, '0') || '7' || substr(hex, 1, 3) || '8' || substr(hex, 4, 15))::uuid`;
  await sql.unsafe(`create temporary table seen as ${SEEN}`, values as never[]);
  await sql`insert into source (network_id, source, first_at, last_at) select ${networkId}, source, at, at from seen`;
  await sql`
    insert into source_host (network_id, source, host_id, first_at, last_at)
    select ${networkId}, source, host_id, at, at from seen`;
  await sql.unsafe(
    `insert into sighting (network_id, host_id, id, rev, news_rev, told_rev, source, address, local_address, techniques,
       ports, port_count, first_at, last_at, evidence, successes)
     select $1::uuid, host_id, ${uuid}, 1, 1, 1, source, host(source)::inet, '198.18.0.1', '{"syn": 1}',
       jsonb_build_object('tcp', jsonb_build_array(jsonb_build_array(n % 65536, n % 65536))), 1, at, at, 'forgeable', 0
     from seen`,
    [networkId],
  );
  await sql.unsafe(
    `insert into received_batch (network_id, host_id, jti, received_at, token)
     select $1::uuid, host_id, ${uuid}, at, '' from seen where n % ${BATCH} = 0`,
    [networkId],
  );
  await sql`drop table seen`;
}
