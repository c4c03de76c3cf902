import { leastUuid7 } from '@picket/db';
import type { Query } from './sql.ts';

/** A host as the command line lists it. */
export interface HostReport {
  readonly id: string;
  readonly name: string;
  readonly os: string;
  readonly arch: string;
  readonly agentVersion: string;
  readonly addresses: readonly string[];
  readonly engine: string | null;
  readonly firewall: string | null;
  /** `enforce`, `observe` or `paused`; null of agents that do not tell. */
  readonly mode: string | null;
  /** Version of the block list that the host had in force at its last status. */
  readonly listVersion: number | null;
  /** Batches of events that the host gave up before they could be sent, ever; those that were never to be taken. */
  readonly lost: number;
  readonly rejected: number;
  /** Whether its disk takes no events. */
  readonly isDiskFailing: boolean;
  /** The collector's clock minus its clock, ms; null while it does not know. */
  readonly clockOffsetMs: number | null;
  /** Block lists that it did not believe. */
  readonly listsRefused: number;
  readonly enrolledAt: Date;
  readonly lastSeenAt: Date | null;
  readonly statusAt: Date | null;
  readonly withdrawnAt: Date | null;
}

/** Hosts of a network by name. */
export async function readHosts(sql: Query, networkId: string): Promise<HostReport[]> {
  return sql<HostReport[]>`
    select id, name, os, arch, agent_version as "agentVersion", addresses, status ->> 'engine' as engine,
      status ->> 'firewall' as firewall, status ->> 'mode' as mode,
      (status -> 'blockList' ->> 'version')::int8 as "listVersion",
      coalesce((status ->> 'spoolLost')::int8, 0) as lost, coalesce((status ->> 'rejected')::int8, 0) as rejected,
      coalesce((status ->> 'spoolFailing')::bool, false) as "isDiskFailing",
      (status ->> 'clockOffsetMs')::int8 as "clockOffsetMs",
      (select least(coalesce(sum(value::numeric), 0), ${Number.MAX_SAFE_INTEGER}::numeric)::int8
        from jsonb_each_text(status -> 'blockList' -> 'refusedLists')) as "listsRefused",
      enrolled_at as "enrolledAt", last_seen_at as "lastSeenAt", status_at as "statusAt",
      withdrawn_at as "withdrawnAt"
    from host where network_id = ${networkId} order by name, id`;
}

/** A source as the command line lists it. */
export interface SourceReport {
  readonly source: string;
  readonly firstAt: Date;
  readonly lastAt: Date;
  /** How often the network has blocked it. */
  readonly blocks: number;
  /** Hosts that were probed, by name, and those on which it tripped. */
  readonly hosts: readonly string[];
  readonly trippedOn: readonly string[];
  readonly isBlocked: boolean;
}

/** How far back sources are looked for, days: further only when there were too few. Most networks need no second look. */
const LOOK_BACK_DAYS = [2, 14, 3_653] as const;

/** Sources that a network knows, the last seen first. */
export async function readSources(sql: Query, networkId: string, most: number): Promise<SourceReport[]> {
  let found: SourceReport[] = [];
  for (const days of LOOK_BACK_DAYS) {
    found = await readSourcesSince(sql, networkId, { most, sinceMs: Date.now() - days * 86_400_000 });
    if (found.length >= most) break;
  }
  return found;
}

/** Of the sightings that began since then, and of what is kept aside. */
async function readSourcesSince(
  sql: Query,
  networkId: string,
  { most, sinceMs }: { most: number; sinceMs: number },
): Promise<SourceReport[]> {
  return sql<SourceReport[]>`
    with said as (
      select source, host_no, first_at, last_at, tripped_at from sighting
      where network_id = ${networkId} and id >= ${leastUuid7(Math.max(0, sinceMs))}
      union all
      select sh.source, h.no, coalesce(first_at, last_at), last_at, tripped_at
      from source_host sh join host h on h.network_id = sh.network_id and h.id = sh.host_id
      where sh.network_id = ${networkId} and last_at is not null),
    newest as materialized (
      select source, min(first_at) as first_at, max(last_at) as last_at from said
      group by source order by last_at desc, source limit ${most}),
    pair as (
      select source, host_no, bool_or(tripped_at is not null) as has_tripped from said
      where source in (select source from newest) group by source, host_no)
    select s.source, s.first_at as "firstAt", s.last_at as "lastAt", coalesce(b.times, 0) as blocks,
      coalesce(array_agg(h.name order by h.name) filter (where h.id is not null), '{}') as hosts,
      coalesce(array_agg(h.name order by h.name) filter (where pair.has_tripped), '{}') as "trippedOn",
      coalesce(b.removed_at is null and b.until_at > now(), false) as "isBlocked"
    from newest s
    left join block b on b.network_id = ${networkId} and b.source = s.source
    left join pair on pair.source = s.source
    left join host h on h.network_id = ${networkId} and h.no = pair.host_no
    group by s.source, s.first_at, s.last_at, b.times, b.removed_at, b.until_at
    order by s.last_at desc, s.source`;
}

/** A running shared block as the command line lists it. */
export interface BlockReport {
  readonly source: string;
  readonly tier: 'held' | 'dropped';
  readonly reason: string;
  readonly author: string;
  readonly createdAt: Date;
  readonly untilAt: Date;
  readonly version: number;
}

/** Running blocks of a network, the newest first. */
export async function readBlocks(sql: Query, networkId: string): Promise<BlockReport[]> {
  return sql<BlockReport[]>`
    select source, tier, reason, author, created_at as "createdAt", until_at as "untilAt", version from block
    where network_id = ${networkId} and removed_at is null and until_at > now()
    order by created_at desc, source`;
}
