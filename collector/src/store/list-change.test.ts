import type { Database } from '@picket/db';
import { testDatabase } from '@picket/db/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestCollector, testCollector, testHost, testNetwork } from '../testing/collector.ts';
import { sighting, trippedSighting } from '../testing/sighting.ts';
import { changeList } from './list-change.ts';
import { blockSource, unblockSource } from './manual.ts';
import { lockSources } from './source-locks.ts';

let database: Database;
let collector: TestCollector;

beforeAll(async () => {
  database = await testDatabase();
  collector = await testCollector(database.sql);
});
afterAll(() => database.close());

const SOURCE = '198.51.100.7';

function blockByHand(networkId: string, source = SOURCE) {
  const nowMs = Date.now();
  const words = { reason: 'abuse', author: 'ada', tier: 'dropped' as const };
  return blockSource(database.sql, { networkId, source, ...words, untilMs: nowMs + 3_600_000 }, nowMs);
}

test('a person who blocks a source that a batch is about does not wait for the batch, nor it for the person', async () => {
  const networkId = await testNetwork(database.sql);
  const host = await testHost(collector, networkId);
  await host.pushSightings(sighting());
  await database.sql.begin(async (tx) => {
    await lockSources(tx, [{ networkId, source: SOURCE }]);
    expect(await blockByHand(networkId)).toEqual({ ok: true, version: 1 });
    const nothing = { set: [], lift: [], isAllowChanged: true };
    expect(await changeList(tx, networkId, Date.now(), async () => nothing)).toMatchObject({ version: 2 });
  });
  expect(await database.sql`select times from block where network_id = ${networkId}`).toEqual([{ times: 1 }]);
});

test('batches and people who block the same sources at once all get through', async () => {
  const networkId = await testNetwork(database.sql);
  const hosts = await Promise.all(['web-1', 'web-2'].map((name) => testHost(collector, networkId, name)));
  const sources = Array.from({ length: 6 }, (_, i) => `198.51.100.${i}`);
  const pushing = hosts.map(async (host) => {
    for (let i = 0; i < 10; i++) {
      const seen = sources.map((source) => trippedSighting({ source, address: source }));
      expect((await host.pushSightings(...seen)).status).toBe(202);
    }
  });
  const blocking = sources.map(async (source) => {
    for (let i = 0; i < 5; i++) {
      expect(await blockByHand(networkId, source)).toMatchObject({ ok: true });
      await unblockSource(database.sql, { networkId, source }, Date.now());
    }
  });
  await Promise.all([...pushing, ...blocking]);
});
