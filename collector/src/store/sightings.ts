import type { Sighting } from '@picket/protocol';
import { isoOf, type Tx } from './sql.ts';

/** Whose sightings. */
export interface HostRef {
  readonly networkId: string;
  readonly hostId: string;
}

/**
 * Keeps the newest revision of each sighting. `news_rev` follows only changes worth telling a person: ports, the set
 * of techniques, the trip, the begin of a block; mere counts do not make a second mail.
 *
 * @param sightings at most one per id, in order of their ids: two batches that overlap then never wait for each other
 */
export async function upsertSightings(
  tx: Tx,
  { networkId, hostId }: HostRef,
  sightings: readonly Sighting[],
): Promise<void> {
  if (sightings.length === 0) return;
  const column = <T>(pick: (sighting: Sighting) => T): T[] => sightings.map(pick);
  await tx`
    insert into sighting (network_id, host_id, id, rev, news_rev, source, address, local_address, techniques, ports,
      port_count, first_at, last_at, evidence, successes, tripped_at, block)
    select ${networkId}, ${hostId}, id, rev, rev, source::cidr, address::inet, local_address::inet,
      techniques::jsonb, ports::jsonb, port_count, first_at, last_at, evidence, successes, tripped_at, block::jsonb
    from unnest(
      ${column((s) => s.id)}::uuid[],
      ${column((s) => s.rev)}::int4[],
      ${column((s) => s.source)}::text[],
      ${column((s) => s.address)}::text[],
      ${column((s) => s.localAddress)}::text[],
      ${column((s) => JSON.stringify(s.techniques))}::text[],
      ${column((s) => JSON.stringify(s.ports))}::text[],
      ${column((s) => s.portCount)}::int8[],
      ${column((s) => isoOf(s.firstAtMs))}::timestamptz[],
      ${column((s) => isoOf(s.lastAtMs))}::timestamptz[],
      ${column((s) => s.evidence)}::text[],
      ${column((s) => s.successes)}::int8[],
      ${column((s) => isoOf(s.trip?.atMs))}::timestamptz[],
      ${column((s) => (s.block === undefined ? null : JSON.stringify(s.block)))}::text[]
    ) as s(id, rev, source, address, local_address, techniques, ports, port_count, first_at, last_at, evidence,
      successes, tripped_at, block)
    on conflict (network_id, host_id, id) do update set
      rev = excluded.rev, source = excluded.source, address = excluded.address,
      local_address = excluded.local_address, techniques = excluded.techniques, ports = excluded.ports,
      port_count = excluded.port_count, first_at = excluded.first_at, last_at = excluded.last_at,
      evidence = excluded.evidence, successes = excluded.successes, tripped_at = excluded.tripped_at,
      block = excluded.block,
      news_rev = case when
        sighting.ports is distinct from excluded.ports
        or sighting.tripped_at is distinct from excluded.tripped_at
        or sighting.block -> 'atMs' is distinct from excluded.block -> 'atMs'
        or array(select jsonb_object_keys(sighting.techniques) as name order by name)
          <> array(select jsonb_object_keys(excluded.techniques) as name order by name)
        then excluded.rev else sighting.news_rev end
    where excluded.rev > sighting.rev`;
}

/** The newest revision of each sighting of a batch, in order of ids. */
export function newestOfEach(sightings: readonly Sighting[]): Sighting[] {
  const newest = new Map<string, Sighting>();
  for (const sighting of sightings) {
    const other = newest.get(sighting.id);
    if (other === undefined || other.rev < sighting.rev) newest.set(sighting.id, sighting);
  }
  return [...newest.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}
