import { MAX_SCANNERS } from '../digest/facts.ts';
import { epochMs, MAX_TEXT, type NewsQuery } from './digest-sql.ts';
import type { Tx } from './sql.ts';

/*
 * The steps of the one statement that reads a digest's news, in their order. A step reads those before it.
 */

/**
 * `told`: the sightings with news, marked on the way. `known`: those of which an earlier mail told.
 *
 * What is to be marked is locked first, in the order in which batches write it, and by the same statement: one that
 * locked and another that marked would meet rows that came in between, out of that order, and wait for each other.
 */
export function toldCtes(tx: Tx, { networkId, mark }: NewsQuery) {
  const columns = tx`id, host_no, source, address, techniques, ports, port_count, first_at, last_at, is_proven,
    tripped_at, block_at, block_until, block_how, block_how like '% enforced' as enforced,
    ${epochMs(tx, 'block_until')} as until_ms, coalesce(block_dropped, 0)::numeric as dropped,
    (select coalesce(sum(split_part(t, '=', 2)::numeric), 0) from string_to_table(techniques, ' ') t where t <> '')
      as probes`;
  const untold = tx`network_id = ${networkId} and told_rev < news_rev`;
  const told = mark
    ? tx`update sighting set told_rev = news_rev from locked
        where network_id = ${networkId} and source = locked_source and host_no = locked_host and id = locked_id
          and told_rev < news_rev
        returning ${columns}`
    : tx`select ${columns} from sighting where ${untold}`;
  const locked = tx`locked as materialized (
      select source as locked_source, host_no as locked_host, id as locked_id from sighting where ${untold}
      order by source, host_no, id for no key update),`;
  return tx`
    ${mark ? locked : tx``}
    known as materialized (select source, host_no, id from sighting where ${untold} and told_rev > 0),
    told as materialized (${told})`;
}

const timeOf = (tx: Tx, { nowMs }: NewsQuery) => tx`${new Date(nowMs)}::timestamptz`;

/** Version of the list that a host carries out; -1 of one that has none, or that only observes or is paused. */
export const versionInForce = (tx: Tx) => tx`
  case when status ->> 'mode' in ('observe', 'paused') then -1
    else coalesce((status #>> '{blockList,version}')::int8, -1) end`;

/**
 * `member`: the hosts, with the list version of their last status; `versions`: those in order. `own`: the hosts'
 * addresses. `shared`: the shared blocks, running or over.
 */
export const networkCtes = (tx: Tx, query: NewsQuery) => tx`
  member as materialized (
    select no, name, addresses, ${versionInForce(tx)} as version
    from host where network_id = ${query.networkId} and withdrawn_at is null
  ),
  versions as (select array_agg(version order by version) as list, count(*) as hosts from member),
  own as (
    select distinct on (address) address, name from member cross join unnest(addresses) address order by address, name
  ),
  shared as (
    select *, coalesce(least(removed_at, until_at), until_at) as ended_at,
      removed_at is null and until_at > ${timeOf(tx, query)} as is_running
    from block where network_id = ${query.networkId}
  )`;

/** `by_source`: what is told of each source, over all hosts. */
export const bySourceCte = (tx: Tx, query: NewsQuery) => tx`
  by_source as materialized (
    select t.source, min(t.address) as address, max(o.name) as own_host, bool_or(t.tripped_at is not null) as tripped,
      count(distinct t.host_no) as hosts,
      count(distinct t.host_no) filter (where t.tripped_at is not null) as tripped_hosts,
      count(distinct t.host_no) filter (where t.enforced) as enforcing_hosts,
      count(distinct t.host_no) filter (where not t.enforced) as observing_hosts,
      count(distinct t.host_no) filter (where t.enforced and t.until_ms > ${query.nowMs}
        and (k.is_running and m.version >= k.version) is not true) as only_local_hosts,
      sum(t.probes) as probes, max(t.port_count) as ports, sum(t.dropped) as dropped,
      min(t.first_at) as first_at, max(t.last_at) as last_at, max(t.until_ms) filter (where t.enforced) as until_ms,
      bool_or(t.is_proven) as proven, bool_or(w.id is not null) as again,
      bool_or(k.source is not null) as is_shared
    from told t
    left join member m on m.no = t.host_no
    left join shared k on k.source = t.source and k.ended_at >= t.first_at
    left join own o on o.address = t.address
    left join known w on w.source = t.source and w.host_no = t.host_no and w.id = t.id
    group by t.source
  )`;

/**
 * `below`: the sources that are none. `scanner`: the sources that tripped or that the network blocks; `width_bucket`
 * searches the sorted versions, so that hosts are not counted anew for each; a neighbour's address that is not shared
 * itself may be blocked by its /64. `top`: those told one by one; `part`:
 * their sightings.
 */
export const scannerCtes = (tx: Tx, query: NewsQuery) => tx`
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
        where a.network_id = ${query.networkId} and a.source >>= b.source and (a.until_at is null or a.until_at > ${timeOf(tx, query)})
        order by masklen(a.source) desc limit 1) end as allowed
    from by_source b cross join versions v
    left join shared k on (b.is_shared or k.ended_at >= b.first_at) and k.source = case
      when b.is_shared then b.source
      when b.tripped and family(b.source) = 6 and masklen(b.source) > 64 then set_masklen(b.source, 64) end
    where b.tripped or b.is_shared
  ),
  top as materialized (
    select *, row_number() over (
      order by is_blocked and own_host is null, hosts desc, probes desc, source) as place
    from scanner order by place limit ${MAX_SCANNERS}
  ),
  part as materialized (
    select t.*, row_number() over (
      partition by t.source order by t.tripped_at is null, t.probes desc, t.host_no, t.first_at) as place
    from told t where t.source in (select source from top)
  )`;
