import type { Database } from '@picket/db';
import { testDatabase } from '@picket/db/testing';
import { EVENT, type Sighting } from '@picket/protocol';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type TestCollector, testCollector, testHost, testNetwork } from '../testing/collector.ts';
import type { TestHost } from '../testing/host.ts';
import { trippedSighting } from '../testing/sighting.ts';
import { testStatus } from '../testing/status.ts';
import { blockSource, unblockSource } from './manual.ts';

const SOURCE = '198.51.100.7';

let database: Database;
let collector: TestCollector;
let networkId: string;
let honest: TestHost;
let claimant: TestHost;
const warnings: object[] = [];

beforeAll(async () => {
  database = await testDatabase();
  const warn = (fields: object) => void warnings.push(fields);
  const log = { debug: () => {}, info: () => {}, warn, error: console.error };
  collector = await testCollector(database.sql, { log });
});
afterAll(() => database.close());
beforeEach(async () => {
  networkId = await testNetwork(database.sql);
  honest = await testHost(collector, networkId, 'web-1');
  claimant = await testHost(collector, networkId, 'web-2');
  warnings.length = 0;
});

async function trip(over: Partial<Sighting> = {}): Promise<void> {
  expect((await honest.pushSightings(trippedSighting(over))).status).toBe(202);
}

async function claim(...addresses: string[]): Promise<void> {
  expect((await claimant.push({ [EVENT.status]: testStatus({ addresses }) })).status).toBe(202);
}

async function blockByHand(source = SOURCE): Promise<void> {
  const nowMs = Date.now();
  const words = { reason: 'abuse', author: 'ada', tier: 'dropped' as const };
  const block = { networkId, source, ...words, untilMs: nowMs + 3_600_000 };
  expect(await blockSource(database.sql, block, nowMs)).toMatchObject({ ok: true });
}

const list = async () => {
  const { add, allow } = await honest.readList();
  return { blocked: add.map(([source]) => source), allow };
};

test('a host cannot let a scanner go that tripped on another by calling its address its own', async () => {
  await trip();
  await claim('192.0.2.20', SOURCE);
  expect(await list()).toEqual({ blocked: [SOURCE], allow: ['192.0.2.20'] });
  expect(warnings).toEqual([{ networkId, hostId: claimant.id, addresses: [SOURCE] }]);
});

test('nor by an address inside the /64 of the scanner', async () => {
  await trip({ source: '2001:db8:0:1::/64', address: '2001:db8:0:1::5' });
  await claim('2001:db8:0:1::9');
  expect(await list()).toEqual({ blocked: ['2001:db8:0:1::/64'], allow: [] });
});

test('a host cannot end a block that a person made', async () => {
  await blockByHand();
  await blockByHand('2001:db8::/64');
  await claim(SOURCE, '2001:db8::7', '192.0.2.20');
  expect(await list()).toEqual({
    blocked: expect.arrayContaining([SOURCE, '2001:db8::/64']),
    allow: ['192.0.2.20'],
  });
  expect(warnings).toMatchObject([{ addresses: expect.arrayContaining([SOURCE, '2001:db8::7']) }]);
});

test('an address that a host had before anything was against it stays its own', async () => {
  await claim(SOURCE);
  await trip();
  await claim(SOURCE, '192.0.2.20');
  expect(await list()).toEqual({ blocked: [], allow: ['192.0.2.20', SOURCE] });
  expect(warnings).toEqual([]);
});

test("an address is taken for the host's own with the next status after a person lifted the block", async () => {
  await trip();
  await claim(SOURCE);
  await unblockSource(database.sql, { networkId, source: SOURCE }, Date.now());
  await claim(SOURCE);
  expect(await list()).toEqual({ blocked: [], allow: [SOURCE] });
  expect(warnings).toHaveLength(1);
});

test('the word that another host took back does not count', async () => {
  await trip();
  await honest.push({ [EVENT.unblock]: { unblocks: [{ source: SOURCE, atMs: Date.now(), reason: 'x' }] } });
  await claim(SOURCE);
  expect((await list()).allow).toEqual([SOURCE]);
});

test('a claim that is repeated while it is contested makes no new version', async () => {
  await trip();
  await claim(SOURCE);
  const { version } = await honest.readList();
  await claim(SOURCE);
  expect((await honest.readList()).version).toBe(version);
});
