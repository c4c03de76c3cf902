import type { Sighting } from '@picket/protocol';
import { v7 as uuid7 } from 'uuid';
import type { Mailer } from '../../mail/mailer.ts';
import { addNetwork } from '../../store/networks.ts';
import { storeSightings } from '../../store/sightings.ts';
import type { Sql } from '../../store/sql.ts';
import type { DigestDeps } from '../run.ts';

/** The next full hour: what tests record now has happened before it. */
export const HOUR_MS = Math.ceil((Date.now() + 60_000) / 3_600_000) * 3_600_000;

let networks = 0;

/** A network with hosts, and what happens there, for tests of the digest. */
export type Scene = {
  networkId: string;
  name: string;
  hosts: string[];
  /** Records a sighting of one of the hosts, 0 being the first. */
  see(sighting: Sighting, host?: number): Promise<void>;
  /** Shares a block, or changes it, as the next version of the list; undefined lets a value be. */
  share(block: { source: string; author?: string; reason?: string; untilMs?: number }): Promise<void>;
  /** Lets hosts report the newest list as in force. */
  confirm(...hosts: number[]): Promise<void>;
};

/** @param hosts how many hosts, named host-1, host-2, … */
export async function scene(
  sql: Sql,
  { hosts = 3, recipients = ['ops@example.net'], zone = 'Europe/Berlin' } = {},
): Promise<Scene> {
  networks += 1;
  const name = `net-${networks}`;
  const network = await addNetwork(sql, { name, recipients, zone });
  if (network === undefined) throw new Error('the name is taken');
  const networkId = network.id;
  const ids = Array.from({ length: hosts }, () => uuid7());
  await sql`
    insert into host (network_id, id, no, name, os, arch, agent_version)
    select ${networkId}, id, place, 'host-' || place, 'linux', 'x64', '0.1.0'
    from unnest(${ids}::uuid[]) with ordinality as h(id, place)`;
  return {
    networkId,
    name,
    hosts: ids,
    see: (sighting, host = 0) =>
      sql.begin((tx) =>
        storeSightings(tx, [{ networkId, hostId: ids[host] ?? '', sightings: [sighting] }], Date.now()),
      ),
    share: (block) => share(sql, networkId, block),
    async confirm(...which) {
      await sql`
        update host h set status = jsonb_build_object('blockList', jsonb_build_object('version', n.list_version))
        from network n where n.id = h.network_id and h.network_id = ${networkId}
          and h.id = any(${which.map((i) => ids[i] ?? '')}::uuid[])`;
    },
  };
}

async function share(
  sql: Sql,
  networkId: string,
  {
    source,
    author = 'correlation',
    reason = 'tripped on host-1',
    untilMs = HOUR_MS + 3_600_000,
  }: Parameters<Scene['share']>[0],
): Promise<void> {
  await sql`
    with next as (update network set list_version = list_version + 1 where id = ${networkId} returning list_version)
    insert into block (network_id, source, tier, reason, author, until_at, version)
    select ${networkId}, ${source}::text::cidr, 'held', ${reason}, ${author}, ${new Date(untilMs)}, list_version from next
    on conflict (network_id, source) do update set until_at = excluded.until_at, version = excluded.version`;
}

/** A replica whose clock stands at the full hour, and moves only by hand. */
export type TestReplica = DigestDeps & { clock: { ms: number }; warnings: string[] };

export function replica(sql: Sql, mailer: Mailer): TestReplica {
  const clock = { ms: HOUR_MS };
  const warnings: string[] = [];
  const warn = (_fields: object, message: string) => void warnings.push(message);
  const error = (fields: object, message: string) => console.error(message, fields);
  const log = { debug: () => {}, info: () => {}, warn, error };
  return { sql, mailer, log, nowMs: () => clock.ms, clock, warnings };
}
