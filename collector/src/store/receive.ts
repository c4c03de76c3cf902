import { EVENT } from '@picket/protocol';
import type { Batch } from '../verify/event-token.ts';
import { correlate } from './correlate.ts';
import { isLocked, isOutage } from './fault.ts';
import { createGroup, DEADLINE_MS, type Group, oneByOne } from './group.ts';
import type { ListChanged } from './list-change.ts';
import { packToken } from './packed-token.ts';
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
 * Batches of one transaction, and what they say: some 50 ms of work, so that who comes while one is under way need not wait
 * long. What is under way and waits is bounded by memory too, characters: a token may be of megabytes, and is a few hundred.
 */
const LIMITS = {
  most: 256,
  heaviest: 1_000,
  waiting: 1_024,
  deadlineMs: DEADLINE_MS,
  weight: ({ batch }: Arrival) => weigh(batch),
  size: ({ batch }: Arrival) => batch.token.length,
  largest: 64 * 1024 * 1024,
};

/** How many rows a batch is about, at least one. */
export function weigh({ events }: Pick<Batch, 'events'>): number {
  const said = [
    events[EVENT.sightings]?.sightings,
    events[EVENT.unblock]?.unblocks,
    events[EVENT.acts]?.acts,
  ];
  return said.reduce((sum, rows) => sum + (rows?.length ?? 0), 0) || 1;
}

/**
 * How long a transaction waits for one lock, ms, and how long when it is part of one that has waited so. A digest of a
 * large network may hold what is told for minutes: its batches are to come again, and not to keep others from theirs.
 */
const LOCK_TIMEOUT_MS = 2_000;
const LOCK_TIMEOUT_AGAIN_MS = 250;

/** How long a network whose locks were waited for in vain is kept apart, ms: most of what locks one is over by then. */
const APART_MS = 60_000;

type Writer = Group<Arrival, Received>;

/** Stores batches: those of most networks, and beside them those of networks that somebody has locked. */
interface Writers {
  readonly usual: Writer;
  readonly apart: Writer;
  /** Until when a network's batches go by `apart`, on the clock of `performance.now`. */
  readonly apartUntilMs: Map<string, number>;
}

const writers = new WeakMap<Sql, Writers>();

/**
 * Stores a batch and all that follows from it in one transaction: the batch as it came, sightings, evidence, status,
 * then decisions. When this resolves it is durable. Batches that come while a transaction is under way share the next
 * one; each has its own result, and one that cannot be stored does not keep the others from it.
 */
export async function receiveBatch(sql: Sql, batch: Batch, nowMs: number): Promise<Received> {
  const known = writers.get(sql);
  const { usual, apart, apartUntilMs } = known ?? createWriters(sql);
  if (known === undefined) writers.set(sql, { usual, apart, apartUntilMs });
  const isApart = (apartUntilMs.get(batch.networkId) ?? 0) > performance.now();
  if (!isApart) apartUntilMs.delete(batch.networkId);
  return (isApart ? apart : usual).add({ batch, packed: packToken(batch.token), nowMs });
}

function createWriters(sql: Sql): Writers {
  const apartUntilMs = new Map<string, number>();
  const together = async (arrivals: readonly Arrival[], isAgain: boolean) => {
    try {
      return await receiveTogether(sql, arrivals, isAgain ? LOCK_TIMEOUT_AGAIN_MS : LOCK_TIMEOUT_MS);
    } catch (error) {
      const [networkId = '', ...others] = new Set(arrivals.map(networkOf));
      if (isLocked(error) && others.length === 0) apartUntilMs.set(networkId, performance.now() + APART_MS);
      throw error;
    }
  };
  const divide = (error: unknown) => {
    if (isOutage(error)) return undefined;
    return isLocked(error) ? networkOf : oneByOne;
  };
  const create = (): Writer => createGroup({ together, divide }, LIMITS);
  return { usual: create(), apart: create(), apartUntilMs };
}

const networkOf = ({ batch }: Arrival) => batch.networkId;

const NOTHING: Received = { isNew: false, version: undefined, refused: 0, contested: [] };

/**
 * The order of locks: batches, rows of hosts with a state, sources, sightings, what is aside, the networks' rows; each in
 * order of its key.
 */
async function receiveTogether(
  sql: Sql,
  arrivals: readonly Arrival[],
  lockTimeoutMs: number,
): Promise<readonly Received[]> {
  const nowMs = Math.max(...arrivals.map((arrival) => arrival.nowMs));
  return sql.begin(async (tx) => {
    // Sent in this order, without waiting for the first one's answer.
    const [, news] = await Promise.all([
      tx`select set_config('lock_timeout', ${`${lockTimeoutMs}ms`}, true)`,
      insertBatches(tx, arrivals),
    ]);
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
