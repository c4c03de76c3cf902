import type { Database } from '@picket/db';
import { testDatabase } from '@picket/db/testing';
import { applyChanges, type BlockEntry, listDigest, type Source } from '@picket/protocol';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { testNetwork } from '../testing/collector.ts';
import { createListReader, type ListState } from './block-list.ts';
import { allowSource, blockSource, disallowSource, unblockSource } from './manual.ts';
import { sweepLists } from './sweep.ts';

let database: Database;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.close());

type Step = { readonly kind: 'block' | 'unblock' | 'allow' | 'disallow' | 'sweep'; readonly at: number };

const stepArbitrary: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('block', 'block', 'block', 'unblock', 'unblock', 'allow', 'disallow', 'sweep'),
  at: fc.nat(7),
});

/** Makes one change as any replica may; sources are few, so that changes meet. */
async function make(networkId: string, { kind, at }: Step): Promise<void> {
  const { sql } = database;
  const nowMs = Date.now();
  const source = at % 2 === 0 ? `198.51.100.${at}` : `2001:db8:${at}::/64`;
  const entry = { networkId, source, reason: 'r', author: 'alice' };
  if (kind === 'block') await blockSource(sql, { ...entry, tier: 'held', untilMs: nowMs + 20 * at }, nowMs);
  if (kind === 'unblock') await unblockSource(sql, entry, nowMs);
  if (kind === 'allow') await allowSource(sql, entry, nowMs);
  if (kind === 'disallow') await disallowSource(sql, entry, nowMs);
  if (kind === 'sweep') await sweepLists(sql, nowMs);
}

/** A host that follows a list as agents do: what it has must be what the digest says, at every version. */
class Follower {
  list: ReadonlyMap<Source, BlockEntry> = new Map();
  state: ListState | undefined;
  #read: () => Promise<ListState | undefined>;

  constructor(networkId: string) {
    const readList = createListReader(database.sql);
    this.#read = () => readList({ networkId, since: this.state?.version ?? 0, epoch: this.state?.epoch });
  }

  async follow(): Promise<void> {
    const next = await this.#read();
    if (next === undefined) throw new Error('the network is gone');
    expect(next.version).toBeGreaterThanOrEqual(this.state?.version ?? 0);
    this.list = applyChanges(this.list, { full: next.full, add: [...next.add], remove: [...next.remove] });
    expect(listDigest(this.list.values()), `at version ${next.version}`).toBe(next.digest);
    this.state = next;
  }
}

test('hosts that apply changes while others commit have exactly the list that the digest tells', async () => {
  const lanes = fc.array(fc.array(stepArbitrary, { minLength: 1, maxLength: 8 }), {
    minLength: 2,
    maxLength: 4,
  });
  await fc.assert(
    fc.asyncProperty(lanes, async (writers) => {
      const networkId = await testNetwork(database.sql);
      const followers = [new Follower(networkId), new Follower(networkId)];
      let isWriting = true;
      const writing = Promise.all(
        writers.map(async (steps) => {
          for (const step of steps) await make(networkId, step);
        }),
      ).finally(() => {
        isWriting = false;
      });
      const reading = followers.map(async (follower) => {
        while (isWriting) await follower.follow();
        await follower.follow();
      });
      await Promise.all([writing, ...reading]);
      const [row] = await database.sql`select list_version from network where id = ${networkId}`;
      expect(followers.map((follower) => follower.state?.version)).toEqual([
        row?.list_version,
        row?.list_version,
      ]);
    }),
    { numRuns: 15 },
  );
});
