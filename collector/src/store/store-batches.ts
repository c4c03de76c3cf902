import { EVENT } from '@picket/protocol';
import type { Batch } from '../verify/event-token.ts';
import { insertActs } from './acts.ts';
import { clearEvidence, storeAside } from './evidence.ts';
import { type HostSightings, storeSightings } from './sightings.ts';
import { lockSources } from './source-locks.ts';
import type { Tx } from './sql.ts';
import { updateStatus } from './status.ts';

/** A batch, and when it came. */
export interface Arrival {
  readonly batch: Batch;
  /** The batch's token, packed before its transaction begins: the database need not wait for that. */
  readonly packed: Uint8Array;
  readonly nowMs: number;
}

/** How old the time at which a host was seen last may be, ms: its row is not written for each of many small batches. */
const SEEN_STEP_MS = 5_000;

/**
 * Inserts the batches that are not there: the same name from the same host is the same batch.
 *
 * @returns those that were new
 */
export async function insertBatches(tx: Tx, arrivals: readonly Arrival[]): Promise<Arrival[]> {
  const first = new Map<string, Arrival>();
  for (const arrival of arrivals)
    if (!first.has(nameOf(arrival.batch))) first.set(nameOf(arrival.batch), arrival);
  const inOrder = [...first].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, arrival]) => arrival);
  const column = <T>(pick: (batch: Batch) => T): T[] => inOrder.map(({ batch }) => pick(batch));
  const inserted = await tx<{ network_id: string; host_id: string; jti: string }[]>`
    insert into received_batch (network_id, host_id, jti, received_at, packed)
    select network_id, host_id, jti, received_at, decode(packed, 'base64') from unnest(
      ${column((b) => b.networkId)}::uuid[], ${column((b) => b.hostId)}::uuid[], ${column((b) => b.jti)}::uuid[],
      ${inOrder.map(({ nowMs }) => new Date(nowMs).toISOString())}::timestamptz[],
      ${inOrder.map(({ packed }) => Buffer.from(packed).toString('base64'))}::text[]
    ) as b(network_id, host_id, jti, received_at, packed)
    on conflict do nothing returning network_id, host_id, jti`;
  return inserted.flatMap(({ network_id: networkId, host_id: hostId, jti }) => {
    const arrival = first.get(nameOf({ networkId, hostId, jti }));
    return arrival === undefined ? [] : [arrival];
  });
}

const nameOf = ({ networkId, hostId, jti }: Pick<Batch, 'networkId' | 'hostId' | 'jti'>) =>
  `${networkId} ${hostId} ${jti}`;

/**
 * Stores what new batches say. The statements are sent in this order without waiting for each other's answers: PostgreSQL
 * takes them one by one, and a transaction that waits for each is mostly waiting.
 */
export async function storeBatches(tx: Tx, batches: readonly Batch[], nowMs: number): Promise<Claims> {
  const told: HostSightings[] = batches.map(({ networkId, hostId, events }) => ({
    ...{ networkId, hostId },
    sightings: events[EVENT.sightings]?.sightings ?? [],
  }));
  const takenBack = batches.map(({ networkId, hostId, events }) => ({
    ...{ networkId, hostId },
    unblocks: events[EVENT.unblock]?.unblocks ?? [],
  }));
  const sourcesOf = (networkId: string, of: readonly { source: string }[]) =>
    of.map(({ source }) => ({ networkId, source }));
  const sources = [
    ...told.flatMap(({ networkId, sightings }) => sourcesOf(networkId, sightings)),
    ...takenBack.flatMap(({ networkId, unblocks }) => sourcesOf(networkId, unblocks)),
  ];
  const [claims] = await Promise.all([
    storeStatuses(tx, batches, nowMs),
    touchHosts(tx, batches, nowMs),
    lockSources(tx, sources),
    storeSightings(tx, told, nowMs),
    storeAside(tx, told, nowMs),
    clearEvidence(tx, takenBack, nowMs),
    ...batches.map((batch) => insertActs(tx, batch, batch.events[EVENT.acts]?.acts ?? [])),
  ]);
  return claims;
}

/**
 * Notes that the hosts were heard of. Those of which another transaction writes the row are left out: it notes the same,
 * and nobody waits for rows of hosts in two orders.
 */
async function touchHosts(tx: Tx, batches: readonly Batch[], nowMs: number): Promise<void> {
  await tx`
    with heard as materialized (
      select network_id, id from host
      where (network_id, id) in (
          select * from unnest(${batches.map((b) => b.networkId)}::uuid[], ${batches.map((b) => b.hostId)}::uuid[]))
        and (last_seen_at is null or last_seen_at < ${new Date(nowMs - SEEN_STEP_MS)})
      for no key update skip locked)
    update host set last_seen_at = ${new Date(nowMs)} from heard
    where host.network_id = heard.network_id and host.id = heard.id`;
}

/** Addresses that batches claim for their hosts, where they are others than those the network holds for theirs. */
export type Claims = ReadonlyMap<Batch, readonly string[]>;

/** Keeps the states of hosts that are in batches, hosts in order. */
async function storeStatuses(tx: Tx, batches: readonly Batch[], nowMs: number): Promise<Claims> {
  const claims = new Map<Batch, readonly string[]>();
  const inOrder = batches
    .filter(({ events }) => events[EVENT.status] !== undefined)
    .sort((a, b) => (`${a.networkId}${a.hostId}` < `${b.networkId}${b.hostId}` ? -1 : 1));
  const updates = inOrder.map(async (batch) => {
    const status = batch.events[EVENT.status];
    const claimed = status && (await updateStatus(tx, batch, status, nowMs));
    if (claimed !== undefined) claims.set(batch, claimed);
  });
  await Promise.all(updates);
  return claims;
}
