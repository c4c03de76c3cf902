import type { Sql } from './connect.ts';
import { DatabaseError } from './errors.ts';

/** Oldest PostgreSQL the project's SQL is tested with. */
export const OLDEST_MAJOR = 15;

/** Throws `server_too_old` when the server is older than {@link OLDEST_MAJOR}. */
export async function checkServerVersion(sql: Sql): Promise<void> {
  const [row] = await sql<{ num: number; text: string }[]>`
    select current_setting('server_version_num')::int as num, current_setting('server_version') as text`;
  refuseOldServer(row?.num ?? 0, row?.text ?? 'unknown');
}

/**
 * @param versionNumber `server_version_num`: major version times 10,000 plus minor
 * @param text version as the server writes it
 */
export function refuseOldServer(versionNumber: number, text: string): void {
  if (versionNumber >= OLDEST_MAJOR * 10_000) return;
  throw new DatabaseError(
    'server_too_old',
    `the database server is PostgreSQL ${text}; Picket needs PostgreSQL ${OLDEST_MAJOR} or newer`,
  );
}
