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
      (select coalesce(sum(value::int8), 0)::int8 from jsonb_each_text(status -> 'blockList' -> 'refusedLists')) as "listsRefused",
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

/** Sources that a network knows, the last seen first. */
export async function readSources(sql: Query, networkId: string, most: number): Promise<SourceReport[]> {
  return sql<SourceReport[]>`
    select s.source, s.first_at as "firstAt", s.last_at as "lastAt", s.blocks,
      coalesce(array_agg(h.name order by h.name) filter (where h.id is not null), '{}') as hosts,
      coalesce(array_agg(h.name order by h.name) filter (where sh.tripped_at is not null), '{}') as "trippedOn",
      exists (
        select from block b
        where b.network_id = s.network_id and b.source = s.source and b.removed_at is null and b.until_at > now()
      ) as "isBlocked"
    from (
      select * from source where network_id = ${networkId} order by last_at desc, source limit ${most}
    ) s
    left join source_host sh on sh.network_id = s.network_id and sh.source = s.source
    left join host h on h.network_id = sh.network_id and h.id = sh.host_id
    group by s.network_id, s.source, s.first_at, s.last_at, s.blocks
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
