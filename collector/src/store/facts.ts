import { MAX_ALLOW_ENTRIES, type NeverBlockFacts, NO_FACTS, neverBlock, type Source } from '@picket/protocol';
import type { Query } from './sql.ts';

/**
 * What a network must never block, of all that overlaps the sources: its allow entries and its hosts' addresses.
 * PostgreSQL picks them, so that a batch of many sources is not compared with every address of every host here.
 */
export async function readNeverBlock(
  sql: Query,
  networkId: string,
  sources: readonly Source[],
): Promise<NeverBlockFacts> {
  const allow = await sql<{ entry: string }[]>`
    select distinct a.source as entry
    from allow_entry a join unnest(${[...sources]}::text[]) s on a.source && s::cidr
    where a.network_id = ${networkId} and (a.until_at is null or a.until_at > now())`;
  const own = await sql<{ entry: string }[]>`
    select distinct address as entry
    from host h cross join unnest(h.addresses) address join unnest(${[...sources]}::text[]) s on address && s::cidr
    where h.network_id = ${networkId} and h.withdrawn_at is null`;
  return { ...NO_FACTS, allow: allow.map((row) => row.entry), own: own.map((row) => row.entry) };
}

/**
 * The allow list that goes out with a block list: allow entries first, then the hosts' addresses, as many as the wire
 * has room for; and which of all those are the hosts'. What is cut off is still never blocked by the collector; a host then only lacks it for its own blocks.
 */
export async function readAllowList(
  sql: Query,
  networkId: string,
): Promise<{ allow: Source[]; hosts: Source[] }> {
  const rows = await sql<{ entry: Source; rank: number }[]>`
    select source as entry, 0 as rank from allow_entry
    where network_id = ${networkId} and (until_at is null or until_at > now())
    union all
    select distinct address::cidr, 1 from host cross join unnest(addresses) address
    where network_id = ${networkId} and withdrawn_at is null
    order by rank, entry
    limit ${4 * MAX_ALLOW_ENTRIES}`;
  const allow = [...new Set(rows.map((row) => row.entry))]
    .filter((entry) => neverBlock(entry, NO_FACTS) === undefined)
    .slice(0, MAX_ALLOW_ENTRIES);
  const own = new Set(rows.filter(({ rank }) => rank === 1).map(({ entry }) => entry));
  return { allow, hosts: allow.filter((entry) => own.has(entry)) };
}
