import type { Source, StatusEvent } from '@picket/protocol';
import type { HostRef } from './sightings.ts';
import type { Tx } from './sql.ts';

/**
 * Keeps the newest status of a host. Newer is told by the host's own clock; one that was ahead and was set right does
 * not lock newer states out.
 *
 * @returns the addresses that the host names when they are others than those the network holds for its own; they are
 *   not stored with it
 */
export async function updateStatus(
  tx: Tx,
  { networkId, hostId }: HostRef,
  status: StatusEvent,
  nowMs: number,
): Promise<readonly string[] | undefined> {
  const addresses = [...new Set(status.addresses)].sort();
  const [row] = await tx<{ is_changed: boolean }[]>`
    with old as (
      select addresses from host
      where network_id = ${networkId} and id = ${hostId} and (
        status is null or (status ->> 'nowMs')::int8 < ${status.nowMs} or (status ->> 'nowMs')::int8 > ${nowMs})
    )
    update host set
      status = ${JSON.stringify(status)}::text::jsonb, status_at = ${new Date(nowMs)},
      agent_version = ${status.agentVersion}
    from old where network_id = ${networkId} and id = ${hostId}
    returning old.addresses is distinct from ${addresses}::text[]::inet[] as is_changed`;
  return row?.is_changed === true ? addresses : undefined;
}

/** Running blocks that hold any of the addresses, and who made each. */
export async function readBlocksOf(
  tx: Tx,
  networkId: string,
  addresses: readonly string[],
): Promise<{ source: Source; author: string }[]> {
  return tx<{ source: Source; author: string }[]>`
    select distinct b.source, b.author from block b join unnest(${[...addresses]}::text[]) a on b.source && a::inet
    where b.network_id = ${networkId} and b.removed_at is null`;
}
