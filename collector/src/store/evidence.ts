import { mergePortRanges, type Sighting, type Source, TRANSPORTS, type Unblock } from '@picket/protocol';
import { WINDOW_MS } from '../correlate/decide.ts';
import type { HostEvidence, KnownBlock, SeenPorts } from '../correlate/evidence.ts';
import { evidenceIds, isAside } from './evidence-place.ts';
import { parsePortsText } from './sighting-form.ts';
import type { HostRef, HostSightings } from './sightings.ts';
import { isoOf, msOf, type Query, type Tx } from './sql.ts';

/** What one batch says about one source; Unix ms, never ahead of the collector's clock. */
export interface Contribution {
  readonly source: Source;
  readonly firstAtMs: number;
  readonly lastAtMs: number;
  readonly trippedAtMs: number | undefined;
  readonly handshakeAtMs: number | undefined;
  readonly clientAtMs: number | undefined;
}

/**
 * Folds sightings into one contribution per source, in order of sources. A host whose clock is ahead would make
 * evidence that never grows old: its times are cut to now.
 */
export function foldBySource(sightings: readonly Sighting[], nowMs: number): Contribution[] {
  const folded = new Map<Source, Contribution>();
  for (const sighting of sightings) {
    const next = contributionOf(sighting, nowMs);
    const other = folded.get(next.source);
    folded.set(next.source, other === undefined ? next : merge(other, next));
  }
  return [...folded.values()].sort((a, b) => (a.source < b.source ? -1 : 1));
}

function contributionOf(sighting: Sighting, nowMs: number): Contribution {
  const cut = (ms: number) => Math.min(ms, nowMs);
  const lastAtMs = cut(sighting.lastAtMs);
  return {
    source: sighting.source,
    firstAtMs: cut(sighting.firstAtMs),
    lastAtMs,
    trippedAtMs: sighting.trip === undefined ? undefined : cut(sighting.trip.atMs),
    handshakeAtMs: sighting.evidence === 'handshake' ? lastAtMs : undefined,
    clientAtMs: sighting.successes > 0 ? lastAtMs : undefined,
  };
}

function merge(a: Contribution, b: Contribution): Contribution {
  const later = (x: number | undefined, y: number | undefined) =>
    x === undefined || y === undefined ? (x ?? y) : Math.max(x, y);
  return {
    source: a.source,
    firstAtMs: Math.min(a.firstAtMs, b.firstAtMs),
    lastAtMs: Math.max(a.lastAtMs, b.lastAtMs),
    trippedAtMs: later(a.trippedAtMs, b.trippedAtMs),
    handshakeAtMs: later(a.handshakeAtMs, b.handshakeAtMs),
    clientAtMs: later(a.clientAtMs, b.clientAtMs),
  };
}

/**
 * Keeps what is said aside of the sightings. Every value is a least or greatest, so that the order of batches does not
 * matter.
 */
export async function storeAside(tx: Tx, told: readonly HostSightings[], nowMs: number): Promise<void> {
  const rows = told.flatMap(({ networkId, hostId, sightings }) => {
    const aside = sightings.filter((sighting) => isAside(sighting, nowMs));
    return foldBySource(aside, nowMs).map((c) => ({ networkId, hostId, ...c }));
  });
  if (rows.length === 0) return;
  const column = <T>(pick: (row: HostRef & Contribution) => T): T[] => rows.map(pick);
  await tx`
    with c as (
      select n, h, s::cidr as s, min(f) as f, max(l) as l, max(t) as t, max(p) as p, max(c) as c
      from unnest(${column((r) => r.networkId)}::uuid[], ${column((r) => r.hostId)}::uuid[],
        ${column((r) => r.source)}::text[],
        ${column((r) => isoOf(r.firstAtMs))}::timestamptz[], ${column((r) => isoOf(r.lastAtMs))}::timestamptz[],
        ${column((r) => isoOf(r.trippedAtMs))}::timestamptz[], ${column((r) => isoOf(r.handshakeAtMs))}::timestamptz[],
        ${column((r) => isoOf(r.clientAtMs))}::timestamptz[]) as c(n, h, s, f, l, t, p, c)
      group by 1, 2, 3)
    insert into source_host (network_id, host_id, source, first_at, last_at, tripped_at, handshake_at, client_at)
    select n, h, s, f, l, t, p, c from c order by n, s, h
    on conflict (network_id, source, host_id) do update set
      first_at = least(source_host.first_at, excluded.first_at),
      last_at = greatest(source_host.last_at, excluded.last_at),
      tripped_at = greatest(source_host.tripped_at, excluded.tripped_at),
      handshake_at = greatest(source_host.handshake_at, excluded.handshake_at),
      client_at = greatest(source_host.client_at, excluded.client_at)`;
}

/** A host takes back what it said of sources up to the time each was unblocked there. */
export async function clearEvidence(
  tx: Tx,
  told: readonly (HostRef & { readonly unblocks: readonly Unblock[] })[],
  nowMs: number,
): Promise<void> {
  const rows = told.flatMap(({ unblocks, ...host }) => unblocks.map((unblock) => ({ ...host, ...unblock })));
  if (rows.length === 0) return;
  await tx`
    insert into source_host (network_id, host_id, source, cleared_at)
    select n, h, s::cidr, max(least(at, ${new Date(nowMs)}::timestamptz))
    from unnest(${rows.map((r) => r.networkId)}::uuid[], ${rows.map((r) => r.hostId)}::uuid[],
      ${rows.map((r) => r.source)}::text[], ${rows.map((r) => isoOf(r.atMs))}::timestamptz[]) as u(n, h, s, at)
    group by 1, 2, 3 order by 1, 3, 2
    on conflict (network_id, source, host_id) do update set
      cleared_at = greatest(source_host.cleared_at, excluded.cleared_at)`;
}

/**
 * Rows (source, host_no, last_at, tripped_at, handshake_at, client_at, cleared_at) of what hosts say of the sources, one
 * or more for each pair: out of the sightings of the last days, and what is kept aside.
 *
 * Source by source out of the primary key, and "offset 0" keeps it that way: of a partition that was made today PostgreSQL
 * has no statistics yet, and would rather compare each row of the network with each source.
 */
export function evidenceRows(sql: Query, networkId: string, sources: readonly Source[], nowMs: number) {
  const [from, to] = evidenceIds(nowMs);
  const now = sql`${new Date(nowMs)}::timestamptz`;
  return sql`
    select wanted.source, said.* from unnest(${[...sources]}::text[]::cidr[]) as wanted(source) cross join lateral (
      -- "least" leaves out what is null.
      (select host_no, least(last_at, ${now}) as last_at,
        case when tripped_at is not null then least(tripped_at, ${now}) end as tripped_at,
        case when is_proven then least(last_at, ${now}) end as handshake_at,
        case when successes > 0 then least(last_at, ${now}) end as client_at, null::timestamptz as cleared_at
      from sighting s
      where s.network_id = ${networkId} and s.source = wanted.source and not is_aside and s.id >= ${from} and s.id < ${to}
      offset 0)
      union all
      (select h.no, last_at, tripped_at, handshake_at, client_at, cleared_at
      from source_host sh join host h on h.network_id = sh.network_id and h.id = sh.host_id
      where sh.network_id = ${networkId} and sh.source = wanted.source offset 0)
    ) as said`;
}

/**
 * What the hosts of a network say of sources. Of those that one host saw and that did not trip, and that no host took
 * back, nothing follows: they are left out where `all` does not name them.
 */
export async function readHostEvidence(
  sql: Query,
  networkId: string,
  { sources, all, nowMs }: { sources: readonly Source[]; all: readonly Source[]; nowMs: number },
): Promise<Map<Source, HostEvidence[]>> {
  const rows = await sql<HostRow[]>`
    with said as materialized (
      select source, host_no, max(last_at) as last_at, max(tripped_at) as tripped_at, max(handshake_at) as handshake_at,
        max(client_at) as client_at, max(cleared_at) as cleared_at
      from (${evidenceRows(sql, networkId, sources, nowMs)}) e group by source, host_no)
    select said.source, h.name, last_at, tripped_at, handshake_at, client_at, cleared_at
    from said join host h on h.network_id = ${networkId} and h.no = said.host_no
    where h.withdrawn_at is null and last_at is not null and (source in (select unnest(${[...all]}::text[]::cidr[])) or source in (
      select source from said group by source having count(*) > 1 or bool_or(tripped_at is not null)))
    order by h.name, h.id`;
  const hosts = new Map<Source, HostEvidence[]>();
  for (const row of rows) {
    const known = hosts.get(row.source);
    if (known === undefined) hosts.set(row.source, [hostEvidence(row)]);
    else known.push(hostEvidence(row));
  }
  return hosts;
}

/** The newest block of each source that has or had one. */
export async function readKnownBlocks(
  sql: Query,
  networkId: string,
  sources: readonly Source[],
): Promise<Map<Source, KnownBlock>> {
  const rows = await sql<BlockRow[]>`
    select known.* from unnest(${[...sources]}::text[]::cidr[]) as wanted(source) cross join lateral (
      select source, tier, reason, author, until_at, removed_at from block b
      where b.network_id = ${networkId} and b.source = wanted.source offset 0) as known`;
  return new Map(rows.map((row) => [row.source, knownBlock(row)]));
}

interface HostRow {
  source: Source;
  name: string;
  last_at: Date;
  tripped_at: Date | null;
  handshake_at: Date | null;
  client_at: Date | null;
  cleared_at: Date | null;
}

interface BlockRow extends Pick<KnownBlock, 'tier' | 'reason' | 'author'> {
  source: Source;
  until_at: Date;
  removed_at: Date | null;
}

function hostEvidence(row: HostRow): HostEvidence {
  return {
    hostName: row.name,
    lastAtMs: row.last_at.getTime(),
    trippedAtMs: msOf(row.tripped_at),
    handshakeAtMs: msOf(row.handshake_at),
    clientAtMs: msOf(row.client_at),
    clearedAtMs: msOf(row.cleared_at),
  };
}

function knownBlock({ tier, reason, author, until_at, removed_at }: BlockRow): KnownBlock {
  return { tier, reason, author, untilMs: until_at.getTime(), removedAtMs: msOf(removed_at) };
}

/** Ports on which sources were seen lately, over all hosts of the network. */
export async function readPorts(
  sql: Query,
  networkId: string,
  sources: readonly Source[],
  nowMs: number,
): Promise<Map<Source, SeenPorts>> {
  const [from, to] = evidenceIds(nowMs);
  const rows = await sql<{ source: Source; ports: string[] }[]>`
    select wanted.source, array(
      select ports from sighting s
      where s.network_id = ${networkId} and s.source = wanted.source and id >= ${from} and id < ${to}
        and last_at > ${new Date(nowMs - WINDOW_MS)} order by last_at desc limit 100) as ports
    from unnest(${[...sources]}::text[]::cidr[]) as wanted(source)`;
  return new Map(rows.map((row) => [row.source, mergePorts(row.ports.map(parsePortsText))]));
}

function mergePorts(seen: readonly SeenPorts[]): SeenPorts {
  const merged = TRANSPORTS.map((transport) => [
    transport,
    mergePortRanges(seen.map((ports) => ports[transport] ?? [])),
  ]);
  return Object.fromEntries(merged);
}
