import { EVENT } from '@picket/protocol';
import type { Batch } from '../verify/event-token.ts';
import { correlate } from './correlate.ts';
import { isOutage } from './fault.ts';
import { createGroup, DEADLINE_MS, type Group, within } from './group.ts';
import type { ListChanged } from './list-change.ts';
import type { Sql } from './sql.ts';
import { type Arrival, insertBatches, storeBatches } from './store-batches.ts';

/** What became of a batch. */
export interface Received extends ListChanged {
  /** False for a batch that was stored before: it had no effect. */
  readonly isNew: boolean;
  /** Addresses that the host calls its own and the network does not believe are. */
  readonly contested: readonly string[];
}

/**
 * Batches of one transaction, and sightings: some 50 ms of work, so that who comes while one is under way need not wait
 * long. What waits beyond that is bounded by memory: a batch is at most a megabyte, usually a hundredth of it.
 */
const LIMITS = {
  most: 256,
  heaviest: 1_000,
  waiting: 1_024,
  weight: ({ batch }: Arrival) => batch.events[EVENT.sightings]?.sightings.length ?? 1,
};

const writers = new WeakMap<Sql, Group<Arrival, Received>>();

/**
 * Stores a batch and all that follows from it in one transaction: the batch as it came, sightings, evidence, status,
 * then decisions. When this resolves it is durable. Batches that come while a transaction is under way share the next
 * one; each has its own result, and one that cannot be stored does not keep the others from it.
 */
export function receiveBatch(sql: Sql, batch: Batch, nowMs: number): Promise<Received> {
  const known = writers.get(sql);
  const writer = known ?? createGroup((arrivals) => receiveTogether(sql, arrivals), LIMITS, isOutage);
  if (known === undefined) writers.set(sql, writer);
  return within(DEADLINE_MS, writer.add({ batch, nowMs }));
}

const NOTHING: Received = { isNew: false, version: undefined, refused: 0, contested: [] };

/**
 * The order of locks: batches, rows of hosts with a state, sources, sightings, what is aside, the networks' rows; each in
 * order of its key.
 */
async function receiveTogether(sql: Sql, arrivals: readonly Arrival[]): Promise<readonly Received[]> {
  const nowMs = Math.max(...arrivals.map((arrival) => arrival.nowMs));
  return sql.begin(async (tx) => {
    const news = await insertBatches(tx, arrivals);
    if (news.length === 0) return arrivals.map(() => NOTHING);
    const batches = news.map(({ batch }) => batch);
    const claims = await storeBatches(tx, batches, nowMs);
    const outcomes = await correlate(tx, batches, { claims, nowMs });
    return arrivals.map((arrival): Received => {
      if (!news.includes(arrival)) return NOTHING;
      const { networkId, hostId } = arrival.batch;
      const outcome = outcomes.get(networkId);
      return {
        isNew: true,
        version: outcome?.version,
        refused: outcome?.refused ?? 0,
        contested: claims.has(arrival.batch) ? (outcome?.contested.get(hostId) ?? []) : [],
      };
    });
  });
}
