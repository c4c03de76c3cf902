import type { Sighting } from '@picket/protocol';
import { isAside } from './evidence-place.ts';
import { blockHowText, portsText, techniquesText } from './sighting-form.ts';
import { isoOf, type Tx } from './sql.ts';

/** Whose sightings. */
export interface HostRef {
  readonly networkId: string;
  readonly hostId: string;
}

/** What one host saw. */
export interface HostSightings extends HostRef {
  readonly sightings: readonly Sighting[];
}

/** One row to be: whose, and whether its evidence is kept aside. */
interface Row extends HostRef {
  readonly seen: Sighting;
}

/** Most that `integer` holds: beyond it two billions of ports or connections say as much. */
const MAX_INT4 = 2_147_483_647;

/**
 * Keeps the newest revision of each sighting. `news_rev` follows only changes worth telling a person: ports, the set
 * of techniques, the trip, the begin of a block; mere counts do not make a second mail.
 *
 * PostgreSQL sorts by the primary key, as a digest that marks them does: two transactions that overlap then never wait
 * for each other.
 */
export async function storeSightings(tx: Tx, told: readonly HostSightings[], nowMs: number): Promise<void> {
  const rows = newestOfEach(told);
  if (rows.length === 0) return;
  const column = <T>(pick: (sighting: Sighting) => T): T[] => rows.map(({ seen }) => pick(seen));
  const int4 = (pick: (sighting: Sighting) => number) => column((s) => Math.min(pick(s), MAX_INT4));
  // Text: postgres.js types an array after its first member, and takes one of booleans for a single one.
  const flags = (pick: (sighting: Sighting) => boolean) => column((s) => (pick(s) ? 't' : 'f'));
  const { hosts, places } = placesOf(rows);
  await tx`
    insert into sighting (network_id, host_no, id, rev, news_rev, source, address, local_address, techniques, ports,
      port_count, successes, first_at, last_at, tripped_at, is_proven, is_aside, block_at, block_until, block_dropped,
      block_how)
    select h.network_id, h.no, s.id, rev, rev, s.source::cidr, address::inet, local_address::inet, techniques, ports,
      port_count, successes, first_at, last_at, tripped_at, is_proven, is_aside, block_at, block_until, block_dropped,
      block_how
    from unnest(
      ${places}::int4[],
      ${column((s) => s.id)}::uuid[],
      ${column((s) => s.rev)}::int4[],
      ${column((s) => s.source)}::text[],
      ${column((s) => s.address)}::text[],
      ${column((s) => s.localAddress)}::text[],
      ${column((s) => techniquesText(s.techniques))}::text[],
      ${column((s) => portsText(s.ports))}::text[],
      ${int4((s) => s.portCount)}::int4[],
      ${int4((s) => s.successes)}::int4[],
      ${column((s) => isoOf(s.firstAtMs))}::timestamptz[],
      ${column((s) => isoOf(s.lastAtMs))}::timestamptz[],
      ${column((s) => isoOf(s.trip?.atMs))}::timestamptz[],
      ${flags((s) => s.evidence === 'handshake')}::text[]::bool[],
      ${flags((s) => isAside(s, nowMs))}::text[]::bool[],
      ${column((s) => isoOf(s.block?.atMs))}::timestamptz[],
      ${column((s) => isoOf(s.block?.untilMs))}::timestamptz[],
      ${column((s) => s.block?.droppedPackets ?? null)}::int8[],
      ${column((s) => (s.block === undefined ? null : blockHowText(s.block)))}::text[]
    ) as s(place, id, rev, source, address, local_address, techniques, ports, port_count, successes, first_at, last_at,
      tripped_at, is_proven, is_aside, block_at, block_until, block_dropped, block_how)
    join (
      select place, h.network_id, h.no
      from unnest(${hosts.map((h) => h.networkId)}::uuid[], ${hosts.map((h) => h.hostId)}::uuid[])
        with ordinality as r(network_id, host_id, place)
      join host h on h.network_id = r.network_id and h.id = r.host_id
    ) h on h.place = s.place
    order by h.network_id, s.source::cidr, h.no, s.id
    on conflict (network_id, source, host_no, id) do update set
      rev = excluded.rev, address = excluded.address,
      local_address = excluded.local_address, techniques = excluded.techniques, ports = excluded.ports,
      port_count = excluded.port_count, successes = excluded.successes, first_at = excluded.first_at,
      last_at = excluded.last_at, tripped_at = excluded.tripped_at, is_proven = excluded.is_proven,
      is_aside = excluded.is_aside, block_at = excluded.block_at, block_until = excluded.block_until,
      block_dropped = excluded.block_dropped, block_how = excluded.block_how,
      news_rev = case when
        sighting.ports <> excluded.ports
        or sighting.tripped_at is distinct from excluded.tripped_at
        or sighting.block_at is distinct from excluded.block_at
        or regexp_replace(sighting.techniques, '=[0-9]+', '', 'g') <> regexp_replace(excluded.techniques, '=[0-9]+', '', 'g')
        then excluded.rev else sighting.news_rev end
    where excluded.rev > sighting.rev`;
}

/** The newest revision of each sighting. What names the same of another source is another one. */
export function newestOfEach(told: readonly HostSightings[]): Row[] {
  const newest = new Map<string, Row>();
  for (const { networkId, hostId, sightings } of told) {
    for (const seen of sightings) {
      const key = `${hostId} ${seen.id} ${seen.source}`;
      const other = newest.get(key);
      if (other === undefined || other.seen.rev < seen.rev) newest.set(key, { networkId, hostId, seen });
    }
  }
  return [...newest.values()];
}

/** The hosts of rows, each once, and for each row the place of its host in that list, from 1. */
function placesOf(rows: readonly HostRef[]): { hosts: HostRef[]; places: number[] } {
  const hosts: HostRef[] = [];
  const placeOf = new Map<string, number>();
  const places = rows.map((row) => {
    const key = `${row.networkId} ${row.hostId}`;
    const place = placeOf.get(key) ?? hosts.push(row);
    placeOf.set(key, place);
    return place;
  });
  return { hosts, places };
}
