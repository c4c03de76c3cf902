import { cidrOf, familyOf, type Source } from '@picket/protocol';
import { FIRST_BLOCK_MS } from '../correlate/decide.ts';
import { CORRELATION } from '../correlate/evidence.ts';
import { evidenceRows } from './evidence.ts';
import type { HostRef } from './sightings.ts';
import type { Tx } from './sql.ts';
import { readBlocksOf } from './status.ts';

/** What became of the addresses that a host calls its own. */
export interface SettledClaim {
  /** Whether the addresses that the network holds for the host's are others now. */
  readonly isChanged: boolean;
  /** Sources of blocks that its addresses end. */
  readonly lift: readonly Source[];
  /** Addresses that the network does not believe are the host's. */
  readonly contested: readonly string[];
}

/**
 * Settles which of the addresses that a host names are never blocked for being its own. It is only the host's word: one
 * that fell into wrong hands would name the addresses of attackers. So an address that it did not have before is not
 * taken while a person blocks it or while its trip on another host counts; it is when that is over, with the status
 * that comes then. To be called with the network's row locked.
 */
export async function settleClaim(
  tx: Tx,
  host: HostRef,
  addresses: readonly string[],
  nowMs: number,
): Promise<SettledClaim> {
  const contested = new Set(await readContested(tx, host, addresses, nowMs));
  const taken = addresses.filter((address) => !contested.has(address));
  const changed = await tx`
    update host set addresses = ${taken}::text[]::inet[]
    where network_id = ${host.networkId} and id = ${host.hostId}
      and addresses is distinct from ${taken}::text[]::inet[]
    returning id`;
  const isChanged = changed.length > 0;
  const blocks = isChanged ? await readBlocksOf(tx, host.networkId, taken) : [];
  const lift = blocks.filter(({ author }) => author === CORRELATION).map(({ source }) => source);
  return { isChanged, lift, contested: [...contested] };
}

async function readContested(
  tx: Tx,
  { networkId, hostId }: HostRef,
  addresses: readonly string[],
  nowMs: number,
): Promise<string[]> {
  const pairs = addresses.flatMap((address) => sourcesOf(address).map((source) => ({ address, source })));
  const now = new Date(nowMs);
  const sources = [...new Set(pairs.map((pair) => pair.source))];
  const rows = await tx<{ address: string }[]>`
    with said as materialized (
      select source, host_no, max(tripped_at) as tripped_at, max(cleared_at) as cleared_at
      from (${evidenceRows(tx, networkId, sources, nowMs)}) e group by source, host_no)
    select distinct c.address
    from unnest(${pairs.map((p) => p.address)}::text[], ${pairs.map((p) => p.source)}::text[]::cidr[])
      as c(address, source)
    where not exists (
      select from host where network_id = ${networkId} and id = ${hostId} and c.address::inet = any(addresses)
    ) and (exists (
      select from block b
      where b.network_id = ${networkId} and b.source = c.source and b.author <> ${CORRELATION}
        and b.removed_at is null and b.until_at > ${now}
    ) or exists (
      select from said join host h on h.network_id = ${networkId} and h.no = said.host_no
      where said.source = c.source and h.id <> ${hostId} and h.withdrawn_at is null
        and said.tripped_at > greatest(${new Date(nowMs - FIRST_BLOCK_MS)}::timestamptz, said.cleared_at)
        and not exists (
          select from block b
          where b.network_id = ${networkId} and b.source = said.source and b.removed_at >= said.tripped_at)
    ))`;
  return rows.map((row) => row.address);
}

/** The single sources that an address is part of. */
function sourcesOf(address: string): Source[] {
  return familyOf(address) === 4 ? [address] : [address, cidrOf(address, 64)];
}
