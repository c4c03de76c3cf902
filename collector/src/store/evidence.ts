import { mergePortRanges, type Sighting, type Source, TRANSPORTS, type Unblock } from '@picket/protocol';
import { WINDOW_MS } from '../correlate/decide.ts';
import type { HostEvidence, KnownBlock, SeenPorts, SourceEvidence } from '../correlate/evidence.ts';
import type { HostRef } from './sightings.ts';
import { isoOf, msOf, type Query, type Tx } from './sql.ts';

/** What one batch says about one source; Unix ms, never ahead of the collector's clock. */
interface Contribution {
  readonly source: Source;
  readonly firstAtMs: number;
  readonly lastAtMs: number;
  readonly trippedAtMs: number | undefined;
  readonly handshakeAtMs: number | undefined;
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
  };
}

/**
 * Adds contributions to what the network and the host know. Every value is a least or greatest, so that the order of
 * batches does not matter. The row of each source stays locked until commit, also when nothing in it changes: of two
 * hosts that report one source at once, the second one's decision sees the first one's evidence.
 */
export async function upsertEvidence(
  tx: Tx,
  host: HostRef,
  contributions: readonly Contribution[],
): Promise<void> {
  if (contributions.length === 0) return;
  const column = <T>(pick: (contribution: Contribution) => T): T[] => contributions.map(pick);
  const sources = column((c) => c.source);
  const firsts = column((c) => isoOf(c.firstAtMs));
  const lasts = column((c) => isoOf(c.lastAtMs));
  await tx`
    insert into source (network_id, source, first_at, last_at)
    select ${host.networkId}, s::cidr, f, l
    from unnest(${sources}::text[], ${firsts}::timestamptz[], ${lasts}::timestamptz[]) as c(s, f, l)
    on conflict (network_id, source) do update set
      first_at = least(source.first_at, excluded.first_at),
      last_at = greatest(source.last_at, excluded.last_at)`;
  await tx`
    insert into source_host (network_id, host_id, source, first_at, last_at, tripped_at, handshake_at)
    select ${host.networkId}, ${host.hostId}, s::cidr, f, l, t, h
    from unnest(${sources}::text[], ${firsts}::timestamptz[], ${lasts}::timestamptz[],
      ${column((c) => isoOf(c.trippedAtMs))}::timestamptz[],
      ${column((c) => isoOf(c.handshakeAtMs))}::timestamptz[]) as c(s, f, l, t, h)
    on conflict (network_id, source, host_id) do update set
      first_at = least(source_host.first_at, excluded.first_at),
      last_at = greatest(source_host.last_at, excluded.last_at),
      tripped_at = greatest(source_host.tripped_at, excluded.tripped_at),
      handshake_at = greatest(source_host.handshake_at, excluded.handshake_at)`;
}

/** A host takes back what it said of sources up to the time each was unblocked there. */
export async function clearEvidence(
  tx: Tx,
  host: HostRef,
  unblocks: readonly Unblock[],
  nowMs: number,
): Promise<void> {
  if (unblocks.length === 0) return;
  await tx`
    update source_host set cleared_at = greatest(cleared_at, u.at)
    from (
      select s::cidr as source, max(least(at, ${new Date(nowMs)}::timestamptz)) as at
      from unnest(${unblocks.map((u) => u.source)}::text[], ${unblocks.map((u) => isoOf(u.atMs))}::timestamptz[])
        as u(s, at)
      group by 1
    ) u
    where source_host.network_id = ${host.networkId} and source_host.host_id = ${host.hostId}
      and source_host.source = u.source`;
}

/**
 * What the hosts of a network say of the sources, and the newest block of each. Who is a client stands in the sightings,
 * which are stored before anything is decided.
 */
export async function readEvidence(
  sql: Query,
  networkId: string,
  sources: readonly Source[],
): Promise<SourceEvidence[]> {
  const wanted = [...sources];
  const hostRows = await sql<HostRow[]>`
    with client as (
      select source, host_id, max(last_at) as client_at from sighting
      where network_id = ${networkId} and source = any(${wanted}::text[]::cidr[]) and successes > 0
      group by source, host_id)
    select sh.source, h.name, sh.last_at, sh.tripped_at, sh.handshake_at, sh.cleared_at,
      -- A host whose clock is ahead would make a client for good; "least" alone leaves out what is null.
      case when c.client_at is not null then least(c.client_at, sh.last_at) end as client_at
    from source_host sh join host h on h.network_id = sh.network_id and h.id = sh.host_id
    left join client c on c.source = sh.source and c.host_id = sh.host_id
    where sh.network_id = ${networkId} and sh.source = any(${wanted}::text[]::cidr[]) and h.withdrawn_at is null
    order by h.name, h.id`;
  const blockRows = await sql<BlockRow[]>`
    select source, tier, reason, author, until_at, removed_at from block
    where network_id = ${networkId} and source = any(${wanted}::text[]::cidr[])`;
  const hosts = new Map<Source, HostEvidence[]>(wanted.map((source) => [source, []]));
  for (const row of hostRows) hosts.get(row.source)?.push(hostEvidence(row));
  const blocks = new Map(blockRows.map((row) => [row.source, knownBlock(row)]));
  return wanted.map((source) => ({
    source,
    hosts: hosts.get(source) ?? [],
    block: blocks.get(source),
  }));
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

/** Ports on which a source was seen lately, over all hosts of the network. */
export async function readPorts(
  sql: Query,
  networkId: string,
  source: Source,
  nowMs: number,
): Promise<SeenPorts> {
  const rows = await sql<{ ports: SeenPorts }[]>`
    select ports from sighting
    where network_id = ${networkId} and source = ${source} and last_at > ${new Date(nowMs - WINDOW_MS)}
    order by last_at desc limit 100`;
  const merged = TRANSPORTS.map((transport) => [
    transport,
    mergePortRanges(rows.map((row) => row.ports[transport] ?? [])),
  ]);
  return Object.fromEntries(merged);
}
