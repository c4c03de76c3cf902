import { EVENT, type Sighting, type Source } from '@picket/protocol';
import type { Batch } from '../verify/event-token.ts';
import { settleClaim } from './claims.ts';
import { foldBySource } from './evidence.ts';
import { judgeSources, type News, type NewsOfSources, wordBlocks } from './judge.ts';
import { changeList, type ListChanged } from './list-change.ts';
import type { Tx } from './sql.ts';
import type { Claims } from './store-batches.ts';

/** What batches led to in one network; of a host whose claim is contested, the addresses. */
export interface Outcome extends ListChanged {
  readonly contested: ReadonlyMap<string, readonly string[]>;
}

/** Decides what follows from new batches, network by network in one order for all. */
export async function correlate(
  tx: Tx,
  batches: readonly Batch[],
  { claims, nowMs }: { claims: Claims; nowMs: number },
): Promise<ReadonlyMap<string, Outcome>> {
  const outcomes = new Map<string, Outcome>();
  const networkIds = [...new Set(batches.map(({ networkId }) => networkId))].sort();
  for (const networkId of networkIds) {
    const own = batches.filter((batch) => batch.networkId === networkId);
    outcomes.set(networkId, await correlateNetwork(tx, networkId, own, { claims, nowMs }));
  }
  return outcomes;
}

const UNCHANGED: Outcome = { version: undefined, refused: 0, contested: new Map() };

/**
 * Decides, first without a lock: most batches change no list. Where one would, it is decided again under the lock,
 * because a person may have lifted the block in between.
 */
async function correlateNetwork(
  tx: Tx,
  networkId: string,
  batches: readonly Batch[],
  { claims, nowMs }: { claims: Claims; nowMs: number },
): Promise<Outcome> {
  const news = newsOf(batches, nowMs);
  const draft = await judgeSources(tx, networkId, news, nowMs);
  const claiming = batches.filter((batch) => claims.has(batch));
  if (draft.block.length === 0 && draft.lift.length === 0 && claiming.length === 0) return UNCHANGED;
  const contested = new Map<string, readonly string[]>();
  const changed = await changeList(tx, networkId, nowMs, async () => {
    let isAllowChanged = false;
    const lift = new Set<Source>();
    for (const batch of claiming) {
      const claim = await settleClaim(tx, batch, claims.get(batch) ?? [], nowMs);
      isAllowChanged ||= claim.isChanged;
      for (const source of claim.lift) lift.add(source);
      contested.set(batch.hostId, claim.contested);
    }
    const judged = await judgeSources(tx, networkId, news, nowMs);
    for (const source of judged.lift) lift.add(source);
    return { set: await wordBlocks(tx, networkId, judged, nowMs), lift: [...lift], isAllowChanged };
  });
  return { ...changed, contested };
}

/** What the batches say that is new, by source. */
function newsOf(batches: readonly Batch[], nowMs: number): NewsOfSources {
  const sightings: Sighting[] = batches.flatMap(({ events }) => events[EVENT.sightings]?.sightings ?? []);
  const unblocks = batches.flatMap(({ events }) => events[EVENT.unblock]?.unblocks ?? []);
  const news = new Map<Source, News>(
    foldBySource(sightings, nowMs).map((said) => [said.source, { ...said, isCleared: false }]),
  );
  const silent = { trippedAtMs: undefined, handshakeAtMs: undefined, clientAtMs: undefined };
  for (const { source } of unblocks) news.set(source, { ...(news.get(source) ?? silent), isCleared: true });
  return news;
}
