import { type Act, parseSource } from '@picket/protocol';
import { type HostAct, MAX_ACTS, type News, newsSchema } from '../digest/facts.ts';
import { epochMs } from './digest-sql.ts';
import type { HostRef } from './sightings.ts';
import { isoOf, type Tx } from './sql.ts';

/** Keeps what people ordered on a host, once each. */
export async function insertActs(
  tx: Tx,
  { networkId, hostId }: HostRef,
  acts: readonly Act[],
): Promise<void> {
  if (acts.length === 0) return;
  const inOrder = [...acts].sort((a, b) => (a.id < b.id ? -1 : 1));
  const column = <T>(pick: (act: Act) => T): T[] => inOrder.map(pick);
  await tx`
    insert into host_act (network_id, host_id, id, act, source, at, until_at, author)
    select ${networkId}, ${hostId}, id, act, source::cidr, at, until_at, author from unnest(
      ${column((a) => a.id)}::uuid[],
      ${column((a) => a.act)}::text[],
      ${column((a) => a.source)}::text[],
      ${column((a) => isoOf(a.atMs))}::timestamptz[],
      ${column((a) => isoOf(a.untilMs))}::timestamptz[],
      ${column((a) => a.by)}::text[]
    ) as a(id, act, source, at, until_at, author)
    on conflict do nothing`;
}

/** Reads what no digest has told of what people ordered on hosts, and marks it in the same statement. */
export async function readActsNews(
  tx: Tx,
  { networkId, mark }: { networkId: string; mark: boolean },
): Promise<NonNullable<News['acts']>> {
  const untold = tx`network_id = ${networkId} and not is_told`;
  const told = mark
    ? tx`update host_act set is_told = true where ${untold} returning *`
    : tx`select * from host_act where ${untold}`;
  const [row] = await tx<[{ acts: unknown }]>`
    with told as materialized (${told})
    select jsonb_build_object('count', (select count(*) from told), 'last', coalesce((
      select jsonb_agg(jsonb_build_object('host', h.name, 'act', t.act, 'source', t.source, 'by', t.author,
        'atMs', ${epochMs(tx, 't.at')}, 'untilMs', ${epochMs(tx, 't.until_at')}) order by t.at desc, t.id)
      from (select * from told order by at desc, id limit ${MAX_ACTS}) t
      join host h on h.network_id = t.network_id and h.id = t.host_id), '[]')) as acts`;
  const acts = newsSchema.shape.acts.unwrap().parse(row.acts);
  return { ...acts, last: acts.last.map(canonical) };
}

const canonical = (act: HostAct): HostAct => ({ ...act, source: parseSource(act.source) ?? act.source });
