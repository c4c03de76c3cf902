import type { Sql } from './connect.ts';

/** Rows deleted by one statement: some milliseconds of work, so that nobody waits long for a row. */
const CHUNK_ROWS = 1_000;

/** Statements of one run for one table: what is left after a million rows is the next run's. */
const MAX_CHUNKS = 1_000;

/** Tables without days, and what of them is old. All are small beside the sightings, so deleting costs little. */
const OLD_ROWS = {
  // Sightings of a wrong clock; those dated ahead wait for their day.
  sighting_other: 'last_at < $1',
  source_host: 'greatest(last_at, cleared_at) < $1',
  host_act: 'at < $1 and is_told',
} as const;

/**
 * Deletes what is past the retention in tables that are not partitioned, in small statements of their own. Harmless
 * beside other replicas: each takes rows that no other has. Blocks are no evidence and stay: hosts may ask for changes
 * since any version.
 */
export async function deleteOldRows(sql: Sql, beforeMs: number): Promise<void> {
  const before = new Date(beforeMs).toISOString();
  for (const [table, isOld] of Object.entries(OLD_ROWS)) {
    for (let chunk = 0; chunk < MAX_CHUNKS; chunk++) {
      const { count } = await sql.unsafe(
        `delete from ${table} where ctid = any(array(
          select ctid from ${table} where ${isOld} limit ${CHUNK_ROWS} for update skip locked))`,
        [before],
      );
      if (count < CHUNK_ROWS) break;
    }
  }
}
