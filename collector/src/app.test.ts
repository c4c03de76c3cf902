import { connect, type Database } from '@picket/db';
import { testDatabase } from '@picket/db/testing';
import { EVENT } from '@picket/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createApp } from './app.ts';
import type { Log } from './deps.ts';
import { type TestCollector, testCollector, testHost, testNetwork } from './testing/collector.ts';
import { sighting, trippedSighting } from './testing/sighting.ts';
import { testStatus } from './testing/status.ts';

let database: Database;
let collector: TestCollector;
const QUIET: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

beforeAll(async () => {
  database = await testDatabase();
  collector = await testCollector(database.sql);
});
afterAll(() => database.close());

test('while the database is away hosts are asked to come again, and health is told from readiness', async () => {
  const sql = connect('postgresql://127.0.0.1:1/none', { connectTimeoutSeconds: 1 });
  const app = createApp({ ...collector.deps, sql, log: QUIET });
  const host = await testHost(collector, await testNetwork(database.sql));
  const reply = await host.at(app).pushSightings(sighting());
  expect([reply.status, reply.headers.get('retry-after')]).toEqual([503, '5']);
  expect((await app.request('/readyz')).status).toBe(503);
  expect((await app.request('/healthz')).status).toBe(200);
  await sql.end();
});

test('anybody may ask whether it is ready, and the database is asked once a second', async () => {
  let asked = 0;
  const sql = new Proxy(database.sql, {
    apply(target, that, args) {
      asked++;
      return Reflect.apply(target as (...args: unknown[]) => unknown, that, args);
    },
  });
  const app = createApp({ ...collector.deps, sql });
  const replies = await Promise.all(Array.from({ length: 50 }, () => app.request('/readyz')));
  expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
  expect(asked).toBe(1);
  const askAgain = async () => {
    await app.request('/readyz');
    return asked;
  };
  await expect.poll(askAgain).toBe(2);
});

test('a fault of the collector is told without its inside', async () => {
  const readList = () => Promise.reject(new Error('secret'));
  const app = createApp({ ...collector.deps, readList, log: QUIET });
  const host = await testHost(collector, await testNetwork(database.sql));
  const reply = await host.at(app).getList();
  expect(reply.status).toBe(500);
  expect(await reply.text()).not.toContain('secret');
});

test('what is no route is refused', async () => {
  expect((await collector.app.request('/nothing')).status).toBe(404);
});

test('hosts that report, take back and change addresses all at once never block each other for good', async () => {
  const networkId = await testNetwork(database.sql);
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  const hosts = await Promise.all(names.map((name) => testHost(collector, networkId, name)));
  const source = (i: number) => `198.51.100.${i % 20}`;
  const push = (at: number, round: number) => {
    const sources = Array.from({ length: 20 }, (_, i) => source(i * (at + 1) + round));
    return hosts[at]?.push({
      [EVENT.sightings]: { sightings: sources.map((s) => trippedSighting({ source: s })) },
      [EVENT.status]: testStatus({ addresses: [`192.0.2.${at}`, source(round)] }),
      [EVENT.unblock]: { unblocks: [{ source: source(at + round), atMs: Date.now(), reason: 'r' }] },
    });
  };
  const rounds = Array.from({ length: 6 }, (_, round) => hosts.map((_, at) => push(at, round))).flat();
  const replies = await Promise.all(rounds);
  expect(replies.map((reply) => reply?.status)).toEqual(rounds.map(() => 202));
});
