import type { Database } from '@picket/db';
import { testDatabase } from '@picket/db/testing';
import { collectorUrn, EVENT, listDigest, networkUrn } from '@picket/protocol';
import { compactVerify, importJWK } from 'jose';
import { v7 as uuid7 } from 'uuid';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { carryListWord } from '../list-word.ts';
import { blockSource, unblockSource } from '../store/manual.ts';
import { type TestCollector, testCollector, testHost, testNetwork } from '../testing/collector.ts';
import type { Changes, TestHost } from '../testing/host.ts';
import { trippedSighting } from '../testing/sighting.ts';
import { testStatus } from '../testing/status.ts';
import { preferredWait } from './blocklist.ts';

let database: Database;
let collector: TestCollector;
let networkId: string;
let host: TestHost;

beforeAll(async () => {
  database = await testDatabase();
  collector = await testCollector(database.sql);
});
afterAll(() => database.close());
beforeEach(async () => {
  networkId = await testNetwork(database.sql);
  host = await testHost(collector, networkId);
});

const block = (source: string) => {
  const untilMs = Date.now() + 3_600_000;
  const wanted = { networkId, source, tier: 'dropped', reason: 'asked', author: 'alice', untilMs } as const;
  return blockSource(database.sql, wanted, Date.now());
};
const unblock = (source: string) => unblockSource(database.sql, { networkId, source }, Date.now());

describe('a list', () => {
  test('is signed by the collector for the network', async () => {
    const reply = await host.getList();
    expect(reply.headers.get('content-type')).toBe('application/jwt');
    const { publicKeys, collectorId } = collector.deps.signer;
    const key = await importJWK(publicKeys[0] ?? {}, 'Ed25519');
    const { payload } = await compactVerify(await reply.text(), key);
    const claims = JSON.parse(new TextDecoder().decode(payload));
    expect(claims).toMatchObject({ iss: collectorUrn(collectorId), aud: networkUrn(networkId), version: 0 });
    expect(claims.exp - claims.iat).toBe(300);
  });

  test('comes whole to a host that has none', async () => {
    await block('198.51.100.7');
    await block('2001:db8:9::/64');
    await unblock('198.51.100.7');
    const list = await host.readList();
    expect(list).toMatchObject({ full: true, since: 0, version: 3, remove: [] });
    expect(list.add).toEqual([['2001:db8:9::/64', expect.any(Number), 'dropped', 'asked']]);
    expect(list.digest).toBe(listDigest(list.add));
  });

  test('comes as changes to a host that has an older version', async () => {
    await block('198.51.100.7');
    await block('198.51.100.8');
    await unblock('198.51.100.7');
    const { epoch } = await host.readList();
    const list = await host.readList({ since: 1, epoch });
    expect(list).toMatchObject({ full: false, since: 1, version: 3, remove: ['198.51.100.7'] });
    expect(list.add.map(([source]) => source)).toEqual(['198.51.100.8']);
    expect(list.digest).toBe(listDigest(list.add));
  });

  test.each([
    ['has a newer version than there is', { since: 9 }],
    ['has a version of another epoch', { since: 1, epoch: 'other' }],
    ['asks for the whole', { since: 0 }],
  ])('comes whole to a host that %s', async (_, query) => {
    await block('198.51.100.7');
    const list = await host.readList(query);
    expect(list).toMatchObject({ full: true, since: 0, version: 1 });
    expect(list.add).toHaveLength(1);
  });

  test('names what no host of the network blocks: allow entries, then addresses of hosts', async () => {
    await database.sql`
      insert into allow_entry (network_id, source, reason, author)
      values (${networkId}, '203.0.113.0/24', 'ours', 'alice')`;
    const addresses = ['192.0.2.10', '2001:db8::10', '127.0.0.1', 'fe80::1'];
    await host.push({ [EVENT.status]: testStatus({ addresses }) });
    expect((await host.readList()).allow).toEqual(['203.0.113.0/24', '192.0.2.10', '2001:db8::10']);
  });

  test('is another version when a host has other addresses, and only then', async () => {
    await host.push({ [EVENT.status]: testStatus({ addresses: ['192.0.2.10'] }) });
    await host.push({ [EVENT.status]: testStatus({ addresses: ['192.0.2.10'] }) });
    expect(await host.readList()).toMatchObject({ version: 1, allow: ['192.0.2.10'] });
    await host.push({ [EVENT.status]: testStatus({ addresses: ['192.0.2.11'] }) });
    expect(await host.readList()).toMatchObject({ version: 2, allow: ['192.0.2.11'] });
  });
});

describe('a request is refused', () => {
  const refusals: [string, Changes, number, string][] = [
    ['for another method', { claims: { htm: 'POST' } }, 401, 'authentication_failed'],
    [
      'for another path',
      { claims: { htu: 'http://collector.test/v1/events' } },
      401,
      'authentication_failed',
    ],
    ['for no URL', { claims: { htu: '/v1/blocklist' } }, 401, 'authentication_failed'],
    ['from long ago', { claims: { iat: Date.now() / 1000 - 600 } }, 401, 'authentication_failed'],
    ['from the future', { claims: { iat: Date.now() / 1000 + 600 } }, 401, 'authentication_failed'],
    ['for another collector', { claims: { aud: 'x' } }, 401, 'invalid_audience'],
    ['of an unknown key', { header: { kid: 'A'.repeat(43) } }, 403, 'access_denied'],
    ['with a token of another type', { header: { typ: 'secevent+jwt' } }, 400, 'invalid_request'],
    ['for another network', { claims: { net: uuid7() } }, 403, 'access_denied'],
  ];

  test.each(refusals)('%s', async (_, changes, status, err) => {
    const reply = await host.getList({}, { token: await host.requestToken(changes) });
    expect([reply.status, ((await reply.json()) as { err: string }).err]).toEqual([status, err]);
  });

  test('without a token, with a challenge', async () => {
    const reply = await collector.app.request('/v1/blocklist');
    expect([reply.status, reply.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
  });

  test('with a version that is none', async () => {
    expect((await host.getList({ since: '-1' })).status).toBe(400);
  });
});

test('a token may name the path below the public URL that a proxy takes off', async () => {
  const behind = await testCollector(database.sql, { publicUrl: 'https://example.org/picket' });
  const token = await host.requestToken({ claims: { htu: 'https://example.org/picket/v1/blocklist' } });
  expect((await host.at(behind.app).getList({}, { token })).status).toBe(200);
});

test.each([
  ['wait=25', 25],
  ['respond-async, wait=10', 10],
  ['wait = "7"; foo', 7],
  ['WAIT=999', 55],
  ['await=5', 0],
  ['wait=x', 0],
  [null, 0],
])('the preference %j is a wait of %d s', (prefer, seconds) => {
  expect(preferredWait(prefer)).toBe(seconds);
});

describe('a host that waits', () => {
  let replica: TestCollector;
  let endWord: () => Promise<void>;

  beforeAll(async () => {
    replica = await testCollector(database.sql);
    // Without the fallback: what is shown here is LISTEN alone.
    endWord = await carryListWord({ ...replica.deps, pollMs: 3_600_000 });
  });
  afterAll(() => endWord());

  /** A request at the other replica that waits, and whether the replica holds it. */
  const waiting = async (seconds: number, signal?: AbortSignal) => {
    const { epoch, version } = await host.readList();
    const options = signal === undefined ? { waitSeconds: seconds } : { waitSeconds: seconds, signal };
    const reply = host.at(replica.app).getList({ since: version, epoch }, options);
    await expect.poll(() => replica.deps.watch.waitedFor()).toContain(networkId);
    return { reply, version };
  };

  test('is woken within a second by a block that another replica made', async () => {
    await block('198.51.100.1');
    const { reply, version } = await waiting(30);
    const other = await testHost(collector, networkId, 'web-2');
    await other.pushSightings(trippedSighting());
    const committedMs = performance.now();
    const answer = await reply;
    expect(performance.now() - committedMs).toBeLessThan(1000);
    expect(answer.headers.get('preference-applied')).toBe('wait=30');
    const list = JSON.parse(atob((await answer.text()).split('.')[1] ?? ''));
    expect(list).toMatchObject({ full: false, since: version, version: version + 1 });
    expect(list.add[0]).toEqual([
      '198.51.100.7',
      expect.any(Number),
      'held',
      'tripped on web-2; ports tcp 21,23,25',
    ]);
  });

  test('waits too when the network has no version yet', async () => {
    const { reply } = await waiting(30);
    await block('198.51.100.1');
    expect((await reply).status).toBe(200);
  });

  test('gets an empty change when the wait ends with nothing new', async () => {
    await block('198.51.100.1');
    const { version } = await host.readList();
    const list = await host.readList({ since: version }, { waitSeconds: 1 });
    expect(list).toMatchObject({ full: false, since: version, version, add: [], remove: [] });
  });

  test('leaves nothing behind when it goes away', async () => {
    const gone = new AbortController();
    const { reply } = await waiting(30, gone.signal);
    gone.abort();
    await reply.catch(() => undefined);
    await expect.poll(() => replica.deps.watch.waitedFor()).not.toContain(networkId);
  });

  test('is woken by looking at the versions where word does not get through', async () => {
    const deaf = await testCollector(database.sql);
    const poor = { ...deaf.deps.sql, listen: () => Promise.reject(new Error('no LISTEN here')) };
    const sql = Object.assign((...query: [TemplateStringsArray]) => deaf.deps.sql(...query), poor);
    const end = await carryListWord({ ...deaf.deps, sql: sql as unknown as typeof database.sql, pollMs: 20 });
    const { epoch, version } = await host.readList();
    const reply = host.at(deaf.app).getList({ since: version, epoch }, { waitSeconds: 30 });
    await expect.poll(() => deaf.deps.watch.waitedFor()).toContain(networkId);
    await block('198.51.100.1');
    expect((await reply).status).toBe(200);
    await end();
  });

  test('is woken again after the database cut the connection that listens', async () => {
    await block('198.51.100.1');
    const { reply } = await waiting(30);
    const seen = replica.deps.watch.generation(networkId);
    await database.sql`select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen %'
      and datname = current_database()`;
    await expect.poll(() => replica.deps.watch.generation(networkId), { timeout: 5000 }).not.toBe(seen);
    await block('198.51.100.2');
    expect((await reply).status).toBe(200);
  });

  test('is answered at once when the replica stops', async () => {
    const { reply } = await waiting(30);
    replica.deps.watch.stop();
    expect((await reply).status).toBe(200);
  });
});
