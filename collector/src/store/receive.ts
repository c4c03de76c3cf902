import { EVENT, type Source } from '@picket/protocol';
import type { Batch } from '../verify/event-token.ts';
import { insertActs } from './acts.ts';
import { type SettledClaim, settleClaim } from './claims.ts';
import { clearEvidence, foldBySource, upsertEvidence } from './evidence.ts';
import { judgeSources } from './judge.ts';
import { changeList, type ListChanged } from './list-change.ts';
import { type HostRef, newestOfEach, upsertSightings } from './sightings.ts';
import type { Sql, Tx } from './sql.ts';
import { updateStatus } from './status.ts';

/** What became of a batch. */
export interface Received extends ListChanged {
  /** False for a batch that was stored before: it had no effect. */
  readonly isNew: boolean;
  /** Addresses that the host calls its own and the network does not believe are. */
  readonly contested: readonly string[];
}

const NO_CLAIM: SettledClaim = { isChanged: false, lift: [], contested: [] };

/**
 * Stores a batch and all that follows from it in one transaction: the batch as it came, sightings, evidence, status,
 * then decisions. When this resolves it is durable.
 */
export async function receiveBatch(sql: Sql, batch: Batch, nowMs: number): Promise<Received> {
  return sql.begin(async (tx) => {
    if (!(await insertBatch(tx, batch, nowMs))) return { isNew: false, ...NOTHING };
    await tx`
      update host set last_seen_at = ${new Date(nowMs)}
      where network_id = ${batch.networkId} and id = ${batch.hostId}`;
    const sources = await storeEvidence(tx, batch, nowMs);
    const status = batch.events[EVENT.status];
    const claimed = status === undefined ? undefined : await updateStatus(tx, batch, status, nowMs);
    return { isNew: true, ...(await correlate(tx, batch, nowMs, { sources, claimed })) };
  });
}

/** Inserts the batch unless it is there: the same name from the same host is the same batch. */
async function insertBatch(tx: Tx, batch: Batch, nowMs: number): Promise<boolean> {
  const { networkId, hostId, jti, token } = batch;
  const inserted = await tx`
    insert into received_batch (network_id, host_id, jti, received_at, token)
    values (${networkId}, ${hostId}, ${jti}, ${new Date(nowMs)}, ${token})
    on conflict do nothing returning jti`;
  return inserted.length === 1;
}

/** @returns the sources of which the network now knows more than before */
async function storeEvidence(tx: Tx, batch: Batch, nowMs: number): Promise<Source[]> {
  const sightings = newestOfEach(batch.events[EVENT.sightings]?.sightings ?? []);
  const unblocks = batch.events[EVENT.unblock]?.unblocks ?? [];
  const contributions = foldBySource(sightings, nowMs);
  await upsertEvidence(tx, batch, contributions);
  await upsertSightings(tx, batch, sightings);
  await clearEvidence(tx, batch, unblocks, nowMs);
  await insertActs(tx, batch, batch.events[EVENT.acts]?.acts ?? []);
  return [...new Set([...contributions.map((c) => c.source), ...unblocks.map((u) => u.source)])];
}

type Correlated = Omit<Received, 'isNew'>;

const NOTHING: Correlated = { version: undefined, refused: 0, contested: [] };

/** What a batch gives reason to look at. */
interface Occasion {
  readonly sources: readonly Source[];
  /** Addresses that the host calls its own; undefined when they are the ones that the network holds for its own. */
  readonly claimed: readonly string[] | undefined;
}

/**
 * Decides, first without a lock: most batches change no list. Where one would, it is decided again under the lock,
 * because a person may have lifted the block in between.
 */
async function correlate(
  tx: Tx,
  host: HostRef,
  nowMs: number,
  { sources, claimed }: Occasion,
): Promise<Correlated> {
  const draft = await judgeSources(tx, host.networkId, sources, nowMs);
  if (draft.set.length === 0 && draft.lift.length === 0 && claimed === undefined) return NOTHING;
  let claim = NO_CLAIM;
  const changed = await changeList(tx, host.networkId, nowMs, async () => {
    if (claimed !== undefined) claim = await settleClaim(tx, host, claimed, nowMs);
    const { set, lift } = await judgeSources(tx, host.networkId, sources, nowMs);
    return { set, lift: [...lift, ...claim.lift], isAllowChanged: claim.isChanged };
  });
  return { ...changed, contested: claim.contested };
}
