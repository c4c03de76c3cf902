import { gzipSync } from 'node:zlib';
import type { Database } from '@picket/db';
import { testDatabase } from '@picket/db/testing';
import { EVENT, hostUrn, MAX_BATCH_AGE_MS, MAX_BODY_BYTES, MAX_INFLATED_BYTES } from '@picket/protocol';
import { v7 as uuid7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { unpackToken } from '../store/packed-token.ts';
import { type TestCollector, testCollector, testHost, testNetwork } from '../testing/collector.ts';
import { expectRefusal } from '../testing/expect-refusal.ts';
import { type Changes, TestHost } from '../testing/host.ts';
import { sighting } from '../testing/sighting.ts';
import { MAX_BATCH_AHEAD_MS } from '../verify/event-token.ts';

let database: Database;
let collector: TestCollector;
let host: TestHost;

beforeAll(async () => {
  database = await testDatabase();
  collector = await testCollector(database.sql);
  host = await testHost(collector, await testNetwork(database.sql));
});
afterAll(() => database.close());

const batch = () => ({ [EVENT.sightings]: { sightings: [sighting()] } });

const countBatches = async () => {
  const [row] = await database.sql<{ count: number }[]>`select count(*) from received_batch`;
  return row?.count;
};

describe('a good batch', () => {
  test('is answered with 202 and nothing else once it is stored', async () => {
    const jti = uuid7();
    const token = await host.eventToken(batch(), { claims: { jti } });
    const reply = await host.pushToken(token);
    expect([reply.status, await reply.text()]).toEqual([202, '']);
    const [row] = await database.sql<{ host_id: string; packed: Uint8Array }[]>`
      select host_id, packed from received_batch where jti = ${jti}`;
    expect(row?.host_id).toBe(host.id);
    expect(unpackToken(row?.packed ?? Buffer.of())).toBe(token);
    expect(row?.packed.length).toBeLessThan(token.length / 2);
  });

  test('may be compressed', async () => {
    const token = await host.eventToken(batch());
    expect((await host.pushToken(gzipSync(token), { 'content-encoding': 'gzip' })).status).toBe(202);
  });

  test('may name its algorithm and its type the older way', async () => {
    const header = { alg: 'EdDSA', typ: 'application/secevent+jwt' };
    expect((await host.push(batch(), { header })).status).toBe(202);
  });

  test('may hold kinds of events that this version does not know', async () => {
    const reply = await host.push({ 'urn:picket:event:weather': { rain: true } });
    expect(reply.status).toBe(202);
  });

  test('may hold text that PostgreSQL cannot store', async () => {
    const block = {
      ...{ atMs: 1, untilMs: 2, tier: 'held' as const, engine: 'k\u0000\ud800', backend: 'n\u001b[2J' },
      ...{ enforced: true, droppedPackets: 0 },
    };
    const seen = sighting({ block });
    expect((await host.pushSightings(seen)).status).toBe(202);
    const [row] = await database.sql`select block_how from sighting where id = ${seen.id}`;
    expect(row?.block_how).toBe('held k\uFFFD\uFFFD n\uFFFD[2J enforced');
  });

  test('may be dated as far off as a batch may be', async () => {
    for (const ageMs of [MAX_BATCH_AGE_MS - 60_000, -MAX_BATCH_AHEAD_MS + 60_000]) {
      const jti = uuid7({ msecs: Date.now() - ageMs });
      expect((await host.push(batch(), { claims: { jti } })).status).toBe(202);
    }
  });
});

describe('a batch is refused', () => {
  const refusals: [string, Changes, number, string, RegExp][] = [
    ['of another type', { header: { typ: 'JWT' } }, 400, 'invalid_request', /typ/],
    [
      'with a critical extension',
      { header: { crit: ['b64'], b64: true } },
      400,
      'invalid_request',
      /critical/,
    ],
    ['without the name of a key', { header: { kid: undefined } }, 400, 'invalid_key', /kid/],
    ['with a name that is no thumbprint', { header: { kid: 'me' } }, 400, 'invalid_key', /kid/],
    ['of an unknown key', { header: { kid: 'A'.repeat(43) } }, 400, 'access_denied', /no host/],
    ['without a network', { claims: { net: undefined } }, 400, 'invalid_request', /net/],
    ['of another network', { claims: { net: uuid7() } }, 400, 'access_denied', /no host/],
    ['in the name of another host', { claims: { iss: hostUrn(uuid7()) } }, 400, 'invalid_issuer', /iss/],
    ['for another collector', { claims: { aud: uuid7() } }, 400, 'invalid_audience', /aud/],
    ['without an id', { claims: { jti: undefined } }, 400, 'invalid_request', /jti/],
    ['without events', { claims: { events: {} } }, 400, 'invalid_request', /at least one event/],
    [
      'with a bad event',
      { claims: { events: { [EVENT.status]: {} } } },
      400,
      'invalid_request',
      /agentVersion/,
    ],
    ['of another wire version', { claims: { wireVersion: 2 } }, 426, 'invalid_request', /wire version 2/],
  ];

  test.each(refusals)('%s', async (_, changes, status, err, description) => {
    await expectRefusal(await host.push(batch(), changes), status, err, description);
  });

  test('that is too old or from the future', async () => {
    for (const [ageMs, words] of [
      [MAX_BATCH_AGE_MS + 60_000, /older than 31 days/],
      [-MAX_BATCH_AHEAD_MS - 60_000, /future/],
    ] as const) {
      const reply = await host.push(batch(), { claims: { jti: uuid7({ msecs: Date.now() - ageMs }) } });
      await expectRefusal(reply, 400, 'invalid_request', words);
    }
  });

  test('with the wire versions that are spoken in Upgrade', async () => {
    const reply = await host.push(batch(), { claims: { wireVersion: 2 } });
    expect(reply.headers.get('upgrade')).toBe('picket/1');
  });

  test('signed by a key that only calls itself the host', async () => {
    const thief = await TestHost.make(collector.app, collector.deps.signer.collectorId, host.parts.networkId);
    thief.id = host.id;
    const reply = await thief.push(batch(), { header: { kid: host.parts.thumbprint } });
    await expectRefusal(reply, 400, 'authentication_failed', /signature/);
  });

  test('with any one bit of it flipped', async () => {
    const before = await countBatches();
    const bytes = new TextEncoder().encode(await host.eventToken(batch()));
    const step = Math.ceil(bytes.length / 60);
    const places = [...bytes.keys()].filter((at) => at % step === 0 || at >= bytes.length - 3);
    for (const at of places) {
      for (const bit of [0, 1, 2, 3, 4, 5]) {
        const flipped = bytes.slice();
        flipped[at] = (flipped[at] ?? 0) ^ (1 << bit);
        expect((await host.pushToken(flipped)).status, `byte ${at} bit ${bit}`).toBe(400);
      }
    }
    expect(await countBatches()).toBe(before);
  });

  test('without a signature', async () => {
    const [, payload] = (await host.eventToken(batch())).split('.');
    const header = btoa('{"alg":"none","typ":"secevent+jwt"}').replaceAll('=', '');
    await expectRefusal(await host.pushToken(`${header}.${payload}.`), 400, 'invalid_request', /compact JWS/);
    const forged = `${header}.${payload}.${'A'.repeat(86)}`;
    await expectRefusal(await host.pushToken(forged), 400, 'authentication_failed', /alg/);
  });

  test.each([
    ['nothing', ''],
    ['text', 'hello'],
    ['JSON', '{"jti":1}'],
    ['an array for a header', `${btoa('[]').replaceAll('=', '')}.e30.${'A'.repeat(86)}`],
  ])('that is %s', async (_, body) => {
    await expectRefusal(await host.pushToken(body), 400, 'invalid_request', /./);
  });

  test('of another media type or encoding', async () => {
    const token = await host.eventToken(batch());
    const wrongType = await host.pushToken(token, { 'content-type': 'application/json' });
    await expectRefusal(wrongType, 415, 'invalid_request', /secevent\+jwt/);
    const wrongEncoding = await host.pushToken(token, { 'content-encoding': 'br' });
    await expectRefusal(wrongEncoding, 415, 'invalid_request', /gzip/);
  });

  test('whose gzip is none, or cut', async () => {
    const token = await host.eventToken(batch());
    for (const body of [new TextEncoder().encode(token), gzipSync(token).subarray(0, -20)]) {
      const reply = await host.pushToken(body, { 'content-encoding': 'gzip' });
      await expectRefusal(reply, 400, 'invalid_request', /gzip/);
    }
  });

  test('that is too large, told or not, and after inflating', async () => {
    const large = new Uint8Array(MAX_BODY_BYTES + 1);
    await expectRefusal(await host.pushToken(large), 413, 'invalid_request', /split/);
    const told = await host.pushToken('x', { 'content-length': String(MAX_BODY_BYTES + 1) });
    await expectRefusal(told, 413, 'invalid_request', /split/);
    const bomb = gzipSync(new Uint8Array(MAX_INFLATED_BYTES + 1));
    const inflated = await host.pushToken(bomb, { 'content-encoding': 'gzip' });
    await expectRefusal(inflated, 413, 'invalid_request', /split/);
  });

  test('of a host that was withdrawn, and of a key that has ended', async () => {
    const gone = await testHost(collector, host.parts.networkId, 'gone');
    await database.sql`update host_key set valid_until = now() where host_id = ${gone.id}`;
    await expectRefusal(await gone.push(batch()), 400, 'invalid_key', /no longer valid/);
    await database.sql`update host set withdrawn_at = now() where id = ${gone.id}`;
    await expectRefusal(await gone.push(batch()), 400, 'access_denied', /withdrawn/);
  });
});
