import { within } from './group.ts';
import type { Query } from './sql.ts';

/** How long the database may take, ms: whoever reads the meters wants the others above all when it hangs. */
const DEADLINE_MS = 1_000;

/** States of a connection that are told apart; others are `other`. */
const STATES = ['active', 'idle', 'idle in transaction', 'other'] as const;

/** Connections to this database by state, of all collectors and command lines; undefined when it does not answer. */
export async function readConnections(sql: Query): Promise<ReadonlyMap<string, number> | undefined> {
  try {
    const asked = sql<{ state: string | null; count: number }[]>`
      select state, count(*) from pg_stat_activity
      where datname = current_database() and application_name like 'picket%' group by state`;
    const rows = await within(DEADLINE_MS, asked);
    const counts = new Map<string, number>(STATES.map((state) => [state, 0]));
    for (const { state, count } of rows) {
      const name = STATES.find((known) => known === state) ?? 'other';
      counts.set(name, (counts.get(name) ?? 0) + count);
    }
    return counts;
  } catch {
    return undefined;
  }
}
