import type { Database } from '@picket/db';
import { testDatabase } from '@picket/db/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { testNetwork } from '../testing/collector.ts';
import { createListReader } from './block-list.ts';
import { blockSource } from './manual.ts';
import { sweepLists } from './sweep.ts';

let database: Database;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.close());

const HOUR_MS = 3_600_000;

test('an ended block leaves the list once, with one new version, whoever sweeps', async () => {
  const { sql } = database;
  const networkId = await testNetwork(sql);
  const nowMs = Date.now();
  const block = { networkId, tier: 'held', reason: 'r', author: 'alice' } as const;
  await blockSource(sql, { ...block, source: '198.51.100.1', untilMs: nowMs + HOUR_MS }, nowMs);
  await blockSource(sql, { ...block, source: '198.51.100.2', untilMs: nowMs + HOUR_MS }, nowMs);
  await blockSource(sql, { ...block, source: '198.51.100.3', untilMs: nowMs + HOUR_MS + 1 }, nowMs);
  expect(await sweepLists(sql, nowMs)).toEqual([]);
  const swept = await Promise.all([1, 2, 3].map(() => sweepLists(sql, nowMs + HOUR_MS)));
  expect(swept.flat()).toEqual([{ networkId, version: 4 }]);
  const changes = await createListReader(sql)({ networkId, since: 3, epoch: undefined });
  expect(changes).toMatchObject({ version: 4, add: [], remove: ['198.51.100.1', '198.51.100.2'] });
});

test('an ended allow entry leaves the list', async () => {
  const { sql } = database;
  const networkId = await testNetwork(sql);
  const nowMs = Date.now();
  await sql`
    insert into allow_entry (network_id, source, reason, author, until_at)
    values (${networkId}, '198.51.100.1', 'r', 'alice', ${new Date(nowMs)})`;
  expect(await sweepLists(sql, nowMs)).toEqual([{ networkId, version: 1 }]);
  expect(await sql`select 1 from allow_entry where network_id = ${networkId}`).toHaveLength(0);
});
