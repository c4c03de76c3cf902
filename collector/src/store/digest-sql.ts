import { MAX_SIGHTINGS_PER_SCANNER } from '../digest/facts.ts';
import type { Tx } from './sql.ts';

/** Whose news, and as of when. */
export type NewsQuery = {
  networkId: string;
  nowMs: number;
  /** Whether to mark it as told. A preview does not. */
  mark: boolean;
};

/** Most characters kept of a text that others wrote: more than a mail shows of it. */
export const MAX_TEXT = 200;

/** A `timestamptz` column as Unix ms. The name of the column is ours, never data. */
export const epochMs = (tx: Tx, column: string) =>
  tx`(extract(epoch from ${tx.unsafe(column)}) * 1000)::int8`;

/** A row `k` of `block` as a digest's facts hold it. */
export const blockObject = (tx: Tx) => tx`jsonb_build_object(
  'source', k.source::text, 'tier', k.tier, 'reason', left(k.reason, ${MAX_TEXT}), 'author', left(k.author, ${MAX_TEXT}),
  'atMs', ${epochMs(tx, 'k.created_at')}, 'untilMs', ${epochMs(tx, 'k.until_at')},
  'removedMs', case when k.removed_at < k.until_at then ${epochMs(tx, 'k.removed_at')} end)`;

/** Most techniques kept of a scanner, those with most probes. */
const MAX_TECHNIQUES = 8;

/** Totals over all of `scanner`. */
export const totalsObject = (tx: Tx) => tx`(
  select jsonb_build_object(
    'scanners', count(*),
    'blocked', count(*) filter (where is_blocked),
    'allowed', count(*) filter (where allowed is not null),
    'observed', count(*) filter (
      where not is_blocked and own_host is null and allowed is null and observing_hosts > 0),
    'unblocked', count(*) filter (
      where not is_blocked and own_host is null and allowed is null and observing_hosts = 0),
    'ownHosts', count(distinct own_host),
    'hostsTouched', (select count(distinct host_no) from told where source in (select source from scanner)),
    'probes', coalesce(sum(probes), 0),
    'droppedPackets', coalesce(sum(dropped), 0),
    'fewestInForce', coalesce(min(in_force) filter (where is_blocked), 0),
    'mostInForce', coalesce(max(in_force) filter (where is_blocked), 0),
    'untilMs', max(block_end_ms)
  ) from scanner)`;

/** One of `top`, with its shared block `k`. */
export const scannerObject = (tx: Tx, networkId: string) => tx`
  jsonb_build_object(
    'source', top.source::text,
    'address', host(top.address),
    'ownHost', left(top.own_host, ${MAX_TEXT}),
    'allowed', top.allowed,
    'techniques', (select coalesce(jsonb_agg(jsonb_build_array(name, probes) order by probes desc, name), '[]') from (
      select split_part(t, '=', 1) as name, sum(split_part(t, '=', 2)::numeric) as probes
      from part p cross join string_to_table(p.techniques, ' ') t where p.source = top.source and t <> ''
      group by 1 order by probes desc, name limit ${MAX_TECHNIQUES}) most),
    'probes', top.probes, 'ports', top.ports, 'hosts', top.hosts, 'trippedHosts', top.tripped_hosts,
    'hostsInForce', top.in_force, 'observingHosts', top.observing_hosts, 'droppedPackets', top.dropped,
    'firstMs', ${epochMs(tx, 'top.first_at')}, 'lastMs', ${epochMs(tx, 'top.last_at')},
    'evidence', case when top.proven then 'handshake' else 'forgeable' end,
    'again', top.again,
    'timesBlocked', coalesce((
      select b.times from block b where b.network_id = ${networkId} and b.source = top.source), 0),
    'shared', case when k.source is not null then ${blockObject(tx)} end,
    'sightings', (select coalesce(jsonb_agg(jsonb_build_object(
        'host', left(h.name, ${MAX_TEXT}),
        'seen', p.ports,
        'ports', p.port_count, 'probes', p.probes,
        'firstMs', ${epochMs(tx, 'p.first_at')}, 'lastMs', ${epochMs(tx, 'p.last_at')},
        'trippedMs', ${epochMs(tx, 'p.tripped_at')}, 'block', case when p.block_at is not null then jsonb_build_object(
          'atMs', ${epochMs(tx, 'p.block_at')}, 'untilMs', ${epochMs(tx, 'p.block_until')},
          'tier', split_part(p.block_how, ' ', 1), 'enforced', p.enforced, 'droppedPackets', p.dropped) end) order by p.place), '[]')
      from part p join host h on h.network_id = ${networkId} and h.no = p.host_no
      where p.source = top.source and p.place <= ${MAX_SIGHTINGS_PER_SCANNER})
  )`;
