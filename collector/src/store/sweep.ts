import type { Source } from '@picket/protocol';
import { changeList } from './list-change.ts';
import type { Query, Sql } from './sql.ts';

/** What a sweep did. */
export interface Swept {
  readonly networkId: string;
  readonly version: number;
}

/**
 * Takes ended blocks and ended allow entries out of the lists. Any replica may run it at any time: what another has
 * done in between finds nothing to do.
 */
export async function sweepLists(sql: Sql, nowMs: number): Promise<Swept[]> {
  const swept: Swept[] = [];
  for (const networkId of await networksToSweep(sql, nowMs)) {
    const version = await sweepNetwork(sql, networkId, nowMs);
    if (version !== undefined) swept.push({ networkId, version });
  }
  return swept;
}

async function networksToSweep(sql: Query, nowMs: number): Promise<string[]> {
  const now = new Date(nowMs);
  const rows = await sql<{ network_id: string }[]>`
    select network_id from block where removed_at is null and until_at <= ${now}
    union select network_id from allow_entry where until_at <= ${now}
    order by 1`;
  return rows.map((row) => row.network_id);
}

function sweepNetwork(sql: Sql, networkId: string, nowMs: number): Promise<number | undefined> {
  const now = new Date(nowMs);
  return sql.begin(async (tx) => {
    const { version } = await changeList(tx, networkId, nowMs, async () => {
      const ended = await tx<{ source: Source }[]>`
        select source from block where network_id = ${networkId} and removed_at is null and until_at <= ${now}`;
      const allowed = await tx`
        delete from allow_entry where network_id = ${networkId} and until_at <= ${now} returning source`;
      return { set: [], lift: ended.map((row) => row.source), isAllowChanged: allowed.length > 0 };
    });
    return version;
  });
}
