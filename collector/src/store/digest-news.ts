import { parseAddress, parseSource } from '@picket/protocol';
import {
  MAX_RANGES,
  MAX_SCANNERS,
  MAX_SIGHTINGS_PER_SCANNER,
  type News,
  newsSchema,
} from '../digest/facts.ts';
import { blockObject, epochMs, MAX_TEXT } from './digest-sql.ts';
import type { Tx } from './sql.ts';

/** Whose news, and as of when. */
export type NewsQuery = {
  networkId: string;
  nowMs: number;
  /** Whether to mark it as told. A preview does not. */
  mark: boolean;
};

/** News of the scanners: all but the blocks that people made. */
export type ScannerNews = Omit<News, 'people'>;

/** Variable of a JSON path: index of the last port range that is kept. */
const LAST_RANGE = JSON.stringify({ last: MAX_RANGES - 1 });

/** Most techniques kept of a scanner, those with most probes. */
const MAX_TECHNIQUES = 8;

/**
 * Reads what no digest has told of the sightings, and marks it in the same statement: what is marked is exactly what
 * is returned, also of rows that change meanwhile. PostgreSQL adds up; only a bounded number of details comes back.
 */
export async function readScannerNews(tx: Tx, query: NewsQuery): Promise<ScannerNews> {
  const { networkId, nowMs } = query;
  const now = tx`${new Date(nowMs)}::timestamptz`;
  if (query.mark) await lockUntold(tx, networkId);
  await planForMany(tx);
  const [row] = await tx<[{ news: unknown }]>`
    with ${toldCtes(tx, query)},
    member as materialized (
      select id, name, addresses, coalesce((status #>> '{blockList,version}')::int8, -1) as version
      from host where network_id = ${networkId} and withdrawn_at is null
    ),
    versions as (select array_agg(version order by version) as list, count(*) as hosts from member),
    own as (
      select distinct on (address) address, name from member cross join unnest(addresses) address order by address, name
    ),
    shared as (
      select *, coalesce(least(removed_at, until_at), until_at) as ended_at,
        removed_at is null and until_at > ${now} as is_running
      from block where network_id = ${networkId}
    ),
    wide as materialized (
      select * from shared where masklen(source) < case family(source) when 4 then 32 else 64 end
    ),
    by_source as materialized (
      select t.source, min(t.address) as address, max(o.name) as own_host, bool_or(t.tripped_at is not null) as tripped,
        count(distinct t.host_id) as hosts,
        count(distinct t.host_id) filter (where t.tripped_at is not null) as tripped_hosts,
        count(distinct t.host_id) filter (where t.enforced) as enforcing_hosts,
        count(distinct t.host_id) filter (where not t.enforced) as observing_hosts,
        count(distinct t.host_id) filter (where t.enforced and t.until_ms > ${nowMs}
          and (k.is_running and m.version >= k.version) is not true) as only_local_hosts,
        sum(t.probes) as probes, max(t.port_count) as ports, sum(t.dropped) as dropped,
        min(t.first_at) as first_at, max(t.last_at) as last_at, max(t.until_ms) filter (where t.enforced) as until_ms,
        bool_or(t.evidence = 'handshake') as proven, bool_or(w.id is not null) as again,
        bool_or(k.source is not null) as is_shared
      from told t
      left join member m on m.id = t.host_id
      left join shared k on k.source = t.source and k.ended_at >= t.first_at
      left join own o on o.address = t.address
      left join known w on w.host_id = t.host_id and w.id = t.id
      group by t.source
    ),
    below as (
      select count(*) as sources, coalesce(sum(probes), 0) as probes from by_source where not tripped and not is_shared
    ),
    scanner as materialized (
      select b.*, k.source as shared_source,
        k.source is not null or b.enforcing_hosts > 0 as is_blocked,
        b.only_local_hosts
          + case when k.is_running then v.hosts - width_bucket(k.version - 1, v.list) else 0 end as in_force,
        greatest(b.until_ms, ${epochMs(tx, 'k.ended_at')}) as block_end_ms,
        case when k.source is null and b.enforcing_hosts = 0 and b.own_host is null then (
          select left(a.reason, ${MAX_TEXT}) from allow_entry a
          where a.network_id = ${networkId} and a.source >>= b.source and (a.until_at is null or a.until_at > ${now})
          order by masklen(a.source) desc limit 1) end as allowed
      from by_source b cross join versions v
      left join lateral (
        select w.source from wide w
        where b.tripped and not b.is_shared and w.source >>= b.source and w.ended_at >= b.first_at
        order by masklen(w.source) desc limit 1
      ) w on true
      left join shared k on k.source = case when b.is_shared then b.source else w.source end
      where b.tripped or b.is_shared
    ),
    top as materialized (
      select *, row_number() over (
        order by is_blocked and own_host is null, hosts desc, probes desc, source) as place
      from scanner order by place limit ${MAX_SCANNERS}
    ),
    part as materialized (
      select t.*, row_number() over (
        partition by t.source order by t.tripped_at is null, t.probes desc, t.host_id, t.first_at) as place
      from told t where t.source in (select source from top)
    )
    select jsonb_build_object(
      'hosts', (select hosts from versions),
      'totals', ${totals(tx)},
      'below', (select jsonb_build_object('sources', sources, 'probes', probes, 'hosts', (
        select count(distinct host_id) from told where source in (
          select source from by_source where not tripped and not is_shared))) from below),
      'scanners', coalesce((select jsonb_agg(${scannerObject(tx, networkId)} order by top.place)
        from top left join shared k on k.source = top.shared_source), '[]')
    ) as news`;
  return canonical(newsSchema.omit({ people: true }).parse(row.news));
}

/**
 * The planner cannot know how many rows the first step yields; a nested loop over two such steps takes minutes where a
 * hash join takes milliseconds. Its high cost would then call for JIT compilation, which costs more than it gains.
 */
async function planForMany(tx: Tx): Promise<void> {
  await tx`select set_config('enable_nestloop', 'off', true), set_config('jit', 'off', true)`;
}

/** Locks what will be marked in the order in which batches write it, so that the two never deadlock. */
async function lockUntold(tx: Tx, networkId: string): Promise<void> {
  await tx`
    select count(*) from (
      select from sighting where network_id = ${networkId} and told_rev < news_rev
      order by host_id, id for no key update) locked`;
}

/** `told`: the sightings with news, marked on the way. `known`: those of which an earlier mail told. */
function toldCtes(tx: Tx, { networkId, mark }: NewsQuery) {
  const columns = tx`id, host_id, source, address, techniques, ports, port_count, first_at, last_at, evidence,
    tripped_at, block, (block ->> 'enforced')::bool as enforced, (block ->> 'untilMs')::int8 as until_ms,
    coalesce((block ->> 'droppedPackets')::numeric, 0) as dropped,
    (select coalesce(sum(value::numeric), 0) from jsonb_each_text(techniques)) as probes`;
  const untold = tx`network_id = ${networkId} and told_rev < news_rev`;
  const told = mark
    ? tx`update sighting set told_rev = news_rev where ${untold} returning ${columns}`
    : tx`select ${columns} from sighting where ${untold}`;
  return tx`
    known as materialized (select host_id, id from sighting where ${untold} and told_rev > 0),
    told as materialized (${told})`;
}

const totals = (tx: Tx) => tx`(
  select jsonb_build_object(
    'scanners', count(*),
    'blocked', count(*) filter (where is_blocked),
    'allowed', count(*) filter (where allowed is not null),
    'observed', count(*) filter (
      where not is_blocked and own_host is null and allowed is null and observing_hosts > 0),
    'unblocked', count(*) filter (
      where not is_blocked and own_host is null and allowed is null and observing_hosts = 0),
    'ownHosts', count(distinct own_host),
    'hostsTouched', (select count(distinct host_id) from told where source in (select source from scanner)),
    'probes', coalesce(sum(probes), 0),
    'droppedPackets', coalesce(sum(dropped), 0),
    'fewestInForce', coalesce(min(in_force) filter (where is_blocked), 0),
    'mostInForce', coalesce(max(in_force) filter (where is_blocked), 0),
    'untilMs', max(block_end_ms)
  ) from scanner)`;

/** One of `top`, with its shared block `k`. */
const scannerObject = (tx: Tx, networkId: string) => tx`
  jsonb_build_object(
    'source', top.source::text,
    'address', host(top.address),
    'ownHost', left(top.own_host, ${MAX_TEXT}),
    'allowed', top.allowed,
    'techniques', (select jsonb_agg(jsonb_build_array(name, probes) order by probes desc, name) from (
      select t.key as name, sum(t.value::numeric) as probes
      from part p cross join jsonb_each_text(p.techniques) t where p.source = top.source
      group by t.key order by probes desc, name limit ${MAX_TECHNIQUES}) most),
    'probes', top.probes, 'ports', top.ports, 'hosts', top.hosts, 'trippedHosts', top.tripped_hosts,
    'hostsInForce', top.in_force, 'observingHosts', top.observing_hosts, 'droppedPackets', top.dropped,
    'firstMs', ${epochMs(tx, 'top.first_at')}, 'lastMs', ${epochMs(tx, 'top.last_at')},
    'evidence', case when top.proven then 'handshake' else 'forgeable' end,
    'again', top.again,
    'timesBlocked', coalesce((
      select s.blocks from source s where s.network_id = ${networkId} and s.source = top.source), 0),
    'shared', case when k.source is not null then ${blockObject(tx)} end,
    'sightings', (select jsonb_agg(jsonb_build_object(
        'host', left(h.name, ${MAX_TEXT}),
        'tcp', jsonb_path_query_array(p.ports, '$.tcp[0 to $last]', ${LAST_RANGE}::text::jsonb),
        'udp', jsonb_path_query_array(p.ports, '$.udp[0 to $last]', ${LAST_RANGE}::text::jsonb),
        'ports', p.port_count, 'probes', p.probes,
        'firstMs', ${epochMs(tx, 'p.first_at')}, 'lastMs', ${epochMs(tx, 'p.last_at')},
        'trippedMs', ${epochMs(tx, 'p.tripped_at')}, 'block', p.block) order by p.place)
      from part p join host h on h.network_id = ${networkId} and h.id = p.host_id
      where p.source = top.source and p.place <= ${MAX_SIGHTINGS_PER_SCANNER})
  )`;

/** PostgreSQL's text of addresses in JSON is not always the wire's. */
function canonical(news: ScannerNews): ScannerNews {
  const source = (text: string) => parseSource(text) ?? text;
  const scanners = news.scanners.map((scanner) => ({
    ...scanner,
    source: source(scanner.source),
    address: parseAddress(scanner.address) ?? scanner.address,
    shared: scanner.shared && { ...scanner.shared, source: source(scanner.shared.source) },
  }));
  return { ...news, scanners };
}
