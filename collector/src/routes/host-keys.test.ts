import type { Database } from '@picket/db';
import { testDatabase } from '@picket/db/testing';
import {
  collectorUrn,
  hostUrn,
  MAX_BATCH_AGE_MS,
  NEW_KEY_TYP,
  ROTATED_TYP,
  ROTATION_TYP,
  rotatedClaimsSchema,
} from '@picket/protocol';
import { compactVerify, importJWK, type JWK } from 'jose';
import { v7 as uuid7 } from 'uuid';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type TestCollector, testCollector, testHost, testNetwork } from '../testing/collector.ts';
import { expectRefusal } from '../testing/expect-refusal.ts';
import { TestHost } from '../testing/host.ts';
import { sighting } from '../testing/sighting.ts';

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

/** The same host with a key that the collector does not know yet. */
async function withNewKey(of: TestHost = host, app = collector.app): Promise<TestHost> {
  const next = await TestHost.make(app, of.parts.collectorId, of.parts.networkId);
  next.id = of.id;
  return next;
}

interface Lies {
  readonly proof?: Record<string, unknown>;
  readonly jwk?: Record<string, unknown>;
  readonly signer?: TestHost;
  readonly contentType?: string;
}

async function rotate(from: TestHost, to: TestHost, lies: Lies = {}): Promise<Response> {
  const aud = collectorUrn(from.parts.collectorId);
  const iss = hostUrn(from.id);
  const newKey = await (lies.signer ?? to).sign(
    { typ: NEW_KEY_TYP, jwk: to.parts.publicJwk, ...lies.jwk },
    { iss, aud, by: from.parts.thumbprint, ...lies.proof },
  );
  const request = await from.sign(
    { typ: ROTATION_TYP, kid: from.parts.thumbprint },
    { iss, aud, net: networkId, iat: Math.floor(Date.now() / 1000), jti: uuid7(), newKey },
  );
  return from.post('/v1/host-keys', request, { 'content-type': lies.contentType ?? 'application/jwt' });
}

const keysOf = () =>
  database.sql<{ thumbprint: string; isFormer: boolean }[]>`
    select thumbprint, valid_until is not null as "isFormer" from host_key
    where network_id = ${networkId} and host_id = ${host.id} order by valid_from`;

describe('a host that shows a new key, signed by both', () => {
  test('speaks with it, and its former key is good for what waits in its spool', async () => {
    const next = await withNewKey();
    const reply = await rotate(host, next);
    expect(reply.status).toBe(200);
    const published = await collector.app.request('/.well-known/jwks.json');
    const { keys } = (await published.json()) as { keys: [JWK] };
    const { payload, protectedHeader } = await compactVerify(
      await reply.text(),
      await importJWK(keys[0], 'Ed25519'),
    );
    expect(protectedHeader.typ).toBe(ROTATED_TYP);
    const claims = rotatedClaimsSchema.parse(JSON.parse(new TextDecoder().decode(payload)));
    expect(claims).toMatchObject({ aud: next.parts.thumbprint, net: networkId, hostId: host.id });
    expect(Math.abs(claims.formerUntilMs - Date.now() - MAX_BATCH_AGE_MS)).toBeLessThan(60_000);
    for (const each of [next, host]) expect((await each.pushSightings(sighting())).status).toBe(202);
    expect((await next.getList()).status).toBe(200);
  });

  test('gets the same answer however often it asks, at once or later', async () => {
    const next = await withNewKey();
    const all = await Promise.all([rotate(host, next), rotate(host, next), rotate(host, next)]);
    const later = await rotate(host, next);
    const bodies = await Promise.all([...all, later].map((each) => each.text()));
    const ends = bodies.map((jws) => JSON.parse(atob(jws.split('.')[1] ?? '')).formerUntilMs);
    expect(new Set(ends).size).toBe(1);
    expect(await keysOf()).toEqual([
      { thumbprint: host.parts.thumbprint, isFormer: true },
      { thumbprint: next.parts.thumbprint, isFormer: false },
    ]);
  });

  test('gets it with the new key alone too, when the former one ended before it heard', async () => {
    const next = await withNewKey();
    await rotate(host, next);
    const later = await testCollector(database.sql, { nowMs: () => Date.now() + MAX_BATCH_AGE_MS + 1_000 });
    await expectRefusal(await rotate(host.at(later.app), next), 400, 'invalid_key', /no longer valid/);
    expect((await rotate(next.at(later.app), next)).status).toBe(200);
    expect(await keysOf()).toHaveLength(2);
  });

  test('is refused with its former key once batches of it are too old anyway', async () => {
    const next = await withNewKey();
    await rotate(host, next);
    const later = await testCollector(database.sql, { nowMs: () => Date.now() + MAX_BATCH_AGE_MS + 1_000 });
    await expectRefusal(
      await host.at(later.app).pushSightings(sighting()),
      400,
      'invalid_key',
      /no longer valid/,
    );
  });
});

describe('a rotation is refused', () => {
  test('from a former key that introduces yet another: its thief never becomes the host', async () => {
    await rotate(host, await withNewKey());
    await expectRefusal(await rotate(host, await withNewKey()), 403, 'access_denied', /former key/);
    expect(await keysOf()).toHaveLength(2);
  });

  test('of the key that another host has', async () => {
    const other = await testHost(collector, networkId, 'web-2');
    const stolen = await withNewKey();
    Object.assign(stolen, { parts: { ...other.parts } });
    await expectRefusal(await rotate(host, stolen), 403, 'access_denied', /another host/);
  });

  test('of a withdrawn host', async () => {
    await database.sql`update host set withdrawn_at = now() where network_id = ${networkId} and id = ${host.id}`;
    await expectRefusal(await rotate(host, await withNewKey()), 400, 'access_denied', /withdrawn/);
  });

  test('of the key that asks, when it followed none', async () => {
    await expectRefusal(await rotate(host, host), 403, 'access_denied', /former key/);
  });

  test('back to the key it had before', async () => {
    const next = await withNewKey();
    await rotate(host, next);
    await expectRefusal(await rotate(next, host), 403, 'access_denied', /former key/);
  });

  test.each<[string, () => Promise<Lies>, number, string]>([
    ['whose new key did not sign', async () => ({ signer: host }), 400, 'authentication_failed'],
    ['made for another host', async () => ({ proof: { iss: hostUrn(uuid7()) } }), 400, 'invalid_issuer'],
    ['introduced by another key', async () => ({ proof: { by: 'A'.repeat(43) } }), 400, 'invalid_issuer'],
    [
      'made for another collector',
      async () => ({ proof: { aud: collectorUrn(uuid7()) } }),
      400,
      'invalid_audience',
    ],
    ['without the new key', async () => ({ jwk: { jwk: undefined } }), 400, 'invalid_key'],
    [
      'with a private key in it',
      async () => ({ jwk: { jwk: { ...host.parts.publicJwk, d: 'x' } } }),
      400,
      'invalid_key',
    ],
    ['of another type', async () => ({ jwk: { typ: ROTATION_TYP } }), 400, 'invalid_request'],
    ['sent as something else', async () => ({ contentType: 'text/plain' }), 415, 'invalid_request'],
  ])('%s', async (_, lies, status, err) => {
    await expectRefusal(await rotate(host, await withNewKey(), await lies()), status, err, /./);
    expect(await keysOf()).toHaveLength(1);
  });

  test('when it comes too often', async () => {
    let current = host;
    for (let i = 1; i < 40; i++) {
      const next = await withNewKey();
      expect((await rotate(current, next)).status).toBe(200);
      current = next;
    }
    await expectRefusal(await rotate(current, await withNewKey()), 403, 'access_denied', /too often/);
  });
});
