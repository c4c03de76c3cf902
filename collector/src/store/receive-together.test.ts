import type { Database } from '@picket/db';
import { testDatabase } from '@picket/db/testing';
import type { Sighting } from '@picket/protocol';
import { v7 as uuid7 } from 'uuid';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type TestCollector, testCollector, testHost, testNetwork } from '../testing/collector.ts';
import type { TestHost } from '../testing/host.ts';
import { sighting, trippedSighting } from '../testing/sighting.ts';

let database: Database;
let collector: TestCollector;
let networkId: string;
let [one, two]: TestHost[] = [];

beforeAll(async () => {
  database = await testDatabase();
  // One of the batches is made to fail: its error is no news.
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  collector = await testCollector(database.sql, { log });
});
afterAll(() => database.close());
beforeEach(async () => {
  networkId = await testNetwork(database.sql);
  one = await testHost(collector, networkId, 'web-1');
  two = await testHost(collector, networkId, 'web-2');
});

async function push(host: TestHost | undefined, ...sightings: Sighting[]): Promise<void> {
  expect((await host?.pushSightings(...sightings))?.status).toBe(202);
}

const listOf = () => one?.readList();

const rowsOf = (table: string) =>
  database.sql`select 1 from ${database.sql(table)} where network_id = ${networkId}`;

describe('batches that come at once', () => {
  test('share transactions, and each is stored', async () => {
    const many = Array.from({ length: 40 }, (_, i) =>
      push(i % 2 ? one : two, sighting({ source: `198.51.100.${i}` })),
    );
    await Promise.all(many);
    expect(await rowsOf('sighting')).toHaveLength(40);
    const [row] = await database.sql<{ transactions: number }[]>`
      select count(distinct xmin::text) as transactions from sighting where network_id = ${networkId}`;
    expect(row?.transactions).toBeLessThan(40);
  });

  test('are stored all the same when one among them cannot be', async () => {
    await database.sql`alter table sighting add constraint poison check (local_address <> '192.0.2.66')`;
    const bad = one?.pushSightings(sighting({ localAddress: '192.0.2.66' }));
    await Promise.all([push(one, sighting()), push(two, sighting()), push(two, sighting())]);
    expect((await bad)?.status).toBe(500);
    expect(await rowsOf('sighting')).toHaveLength(3);
    expect(await rowsOf('received_batch')).toHaveLength(3);
    await database.sql`alter table sighting drop constraint poison`;
  });
});

describe('batches of a network that somebody has locked', () => {
  test('are to come again within seconds, and keep no other network from its own', async () => {
    const other = await testHost(collector, await testNetwork(database.sql), 'web-3');
    const trip = async () => one?.pushSightings(trippedSighting());
    await database.sql.begin(async (tx) => {
      await tx`select from network where id = ${networkId} for update`;
      const [locked, free] = await Promise.all([trip(), other.pushSightings(trippedSighting())]);
      expect([locked?.status, locked?.headers.get('retry-after'), free?.status]).toEqual([503, '5', 202]);
      // From now on they wait beside the others, not before them.
      const startMs = performance.now();
      const again = trip().then(() => performance.now() - startMs);
      for (let batch = 0; batch < 3; batch++)
        expect((await other.pushSightings(trippedSighting())).status).toBe(202);
      expect(performance.now() - startMs).toBeLessThan((await again) ?? 0);
    });
    expect((await trip())?.status).toBe(202);
  });
});

describe('a sighting of a source that comes back for days', () => {
  const old = (over: Partial<Sighting> = {}) =>
    sighting({ id: uuid7({ msecs: Date.now() - 6 * 86_400_000 }), ...over });

  test('counts as any other, though it is filed under its first day', async () => {
    await push(one, old());
    await push(two, old());
    expect((await listOf())?.add).toHaveLength(1);
  });

  test('of a day without a partition is not lost', async () => {
    const ages = [-40, 4_000].map((days) =>
      sighting({ id: uuid7({ msecs: Date.now() - days * 86_400_000 }) }),
    );
    await push(one, ...ages);
    expect(await database.sql`select from sighting_other where network_id = ${networkId}`).toHaveLength(2);
  });
});
