import type { Database } from '@picket/db';
import { testDatabase } from '@picket/db/testing';
import { ENROLLED_TYP, enrolledClaimsSchema } from '@picket/protocol';
import { compactVerify, importJWK, type JWK } from 'jose';
import { v7 as uuid7 } from 'uuid';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addJoinToken } from '../store/join-tokens.ts';
import { type TestCollector, testCollector, testHost, testNetwork } from '../testing/collector.ts';
import { expectRefusal } from '../testing/expect-refusal.ts';
import { type Changes, TestHost } from '../testing/host.ts';

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
  host = await newHost();
});

const newHost = () => TestHost.make(collector.app, collector.deps.signer.collectorId, networkId);

const joinToken = (over: { maxUses?: number; expiresInMs?: number } = {}) => {
  const { maxUses = 1, expiresInMs = 60_000 } = over;
  return addJoinToken(database.sql, { networkId, maxUses, expiresAtMs: Date.now() + expiresInMs });
};

const usesOf = async () => {
  const [row] = await database.sql<
    { uses: number }[]
  >`select uses from join_token where network_id = ${networkId}`;
  return row?.uses;
};

describe('a host with a good join token', () => {
  test('gets its identity, signed by the key that the collector publishes', async () => {
    const reply = await host.enrol(await joinToken());
    expect(reply.status).toBe(201);
    const published = await collector.app.request('/.well-known/jwks.json');
    const { keys } = (await published.json()) as { keys: [JWK] };
    expect(Object.keys(keys[0]).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x']);
    const key = await importJWK(keys[0], 'Ed25519');
    const { payload, protectedHeader } = await compactVerify(await reply.text(), key);
    expect(protectedHeader).toEqual({
      alg: 'Ed25519',
      typ: ENROLLED_TYP,
      kid: collector.deps.signer.thumbprint,
    });
    const claims = enrolledClaimsSchema.parse(JSON.parse(new TextDecoder().decode(payload)));
    expect(claims).toMatchObject({ aud: host.parts.thumbprint, net: networkId, hostId: host.id });
  });

  test('is the same host when it enrols again, and uses up nothing', async () => {
    const token = await joinToken();
    await host.enrol(token);
    const first = host.id;
    expect((await host.enrol(token)).status).toBe(201);
    expect([host.id, await usesOf()]).toEqual([first, 1]);
  });

  test('is the same host when its request is replayed byte by byte', async () => {
    const body = await host.enrolmentToken(await joinToken({ maxUses: 9 }));
    const post = () => host.post('/v1/enrolments', body, { 'content-type': 'application/jwt' });
    const ids = (await Promise.all([post(), post(), post()])).map((reply) => reply.text());
    const hostIds = (await Promise.all(ids)).map((jws) => JSON.parse(atob(jws.split('.')[1] ?? '')).hostId);
    expect(new Set(hostIds).size).toBe(1);
    const hosts = await database.sql`select id from host where network_id = ${networkId}`;
    expect([hosts.length, await usesOf()]).toEqual([1, 1]);
  });

  test('may call itself what no terminal should print', async () => {
    const reply = await host.enrol(await joinToken(), { claims: { hostName: 'a\u0000\u001b[2Jb' } });
    expect(reply.status).toBe(201);
    const [row] = await database.sql`select name from host where id = ${host.id}`;
    expect(row?.name).toBe('a\uFFFD\uFFFD[2Jb');
  });
});

describe('a join token is refused', () => {
  test('when it has expired', async () => {
    await expectRefusal(
      await host.enrol(await joinToken({ expiresInMs: -1 })),
      403,
      'access_denied',
      /expired/,
    );
  });

  test('when it is used up', async () => {
    const token = await joinToken();
    await host.enrol(token);
    await expectRefusal(await (await newHost()).enrol(token), 403, 'access_denied', /used up/);
  });

  test('when it was withdrawn', async () => {
    const token = await joinToken();
    await database.sql`update join_token set withdrawn_at = now() where network_id = ${networkId}`;
    await expectRefusal(await host.enrol(token), 403, 'access_denied', /join key was withdrawn/);
  });

  test('when nobody made it, or for another network', async () => {
    await expectRefusal(await host.enrol('A'.repeat(43)), 403, 'access_denied', /does not know/);
    const other = await TestHost.make(
      collector.app,
      collector.deps.signer.collectorId,
      await testNetwork(database.sql),
    );
    await expectRefusal(await other.enrol(await joinToken()), 403, 'access_denied', /does not know/);
  });

  test('when it is cut', async () => {
    const token = (await joinToken()).slice(0, -1);
    await expectRefusal(await host.enrol(token), 400, 'invalid_request', /join token/);
  });

  test('to all but one of the hosts that want its last use at once', async () => {
    const token = await joinToken({ maxUses: 3 });
    const hosts = await Promise.all(Array.from({ length: 8 }, newHost));
    const replies = await Promise.all(hosts.map((one) => one.enrol(token)));
    expect(replies.map((reply) => reply.status).sort()).toEqual([201, 201, 201, 403, 403, 403, 403, 403]);
    expect(await usesOf()).toBe(3);
  });
});

describe('an enrolment is refused', () => {
  const x = 'A'.repeat(43);
  const refusals: [string, Changes, number, string, RegExp][] = [
    ['of another type', { header: { typ: 'JWT' } }, 400, 'invalid_request', /typ/],
    ['without a key', { header: { jwk: undefined } }, 400, 'invalid_key', /public Ed25519/],
    ['with a key of another kind', { header: { jwk: { kty: 'EC' } } }, 400, 'invalid_key', /public Ed25519/],
    [
      'with a private key in it',
      { header: { jwk: { kty: 'OKP', crv: 'Ed25519', x, d: x } } },
      400,
      'invalid_key',
      /public Ed25519/,
    ],
    [
      'for a key that the sender does not hold',
      { header: { jwk: { kty: 'OKP', crv: 'Ed25519', x } } },
      400,
      'authentication_failed',
      /not signed/,
    ],
    ['for another collector', { claims: { aud: uuid7() } }, 400, 'invalid_audience', /another one/],
    ['in another wire version', { claims: { wireVersion: 2 } }, 426, 'invalid_request', /wire version/],
    ['without a name', { claims: { hostName: '' } }, 400, 'invalid_request', /hostName/],
  ];

  test.each(refusals)('%s', async (_, changes, status, err, description) => {
    await expectRefusal(await host.enrol(await joinToken(), changes), status, err, description);
    expect(await usesOf()).toBe(0);
  });

  test('of another media type', async () => {
    const reply = await host.post('/v1/enrolments', 'x', { 'content-type': 'text/plain' });
    await expectRefusal(reply, 415, 'invalid_request', /application\/jwt/);
  });

  test('of a host that was withdrawn', async () => {
    const gone = await testHost(collector, networkId);
    await database.sql`update host set withdrawn_at = now() where id = ${gone.id}`;
    await expectRefusal(await gone.enrol(await joinToken()), 403, 'access_denied', /host was withdrawn/);
  });
});

test('replicas that start at once agree on one key', async () => {
  const fresh = await testDatabase();
  const replicas = await Promise.all(Array.from({ length: 5 }, () => testCollector(fresh.sql)));
  expect(new Set(replicas.map(({ deps }) => deps.signer.thumbprint)).size).toBe(1);
  await fresh.close();
});
