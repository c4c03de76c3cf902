import type { Database } from '@picket/db';
import { testDatabase } from '@picket/db/testing';
import { EVENT, hostUrn, PUSH_ERRORS } from '@picket/protocol';
import { v7 as uuid7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestCollector, testCollector, testHost, testNetwork } from '../testing/collector.ts';
import { expectRefusal } from '../testing/expect-refusal.ts';
import { TestHost } from '../testing/host.ts';
import { sighting } from '../testing/sighting.ts';

/*
 * RFC 8935 (push of a security event token) and RFC 8417 (the token) as this collector keeps them, section by section.
 */

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
const countOf = async (jti: string) =>
  (await database.sql`select 1 from received_batch where jti = ${jti}`).length;

describe('RFC 8935 section 2.1: a request', () => {
  test.each(['', 'application/json', 'application/jwt', 'application/x-www-form-urlencoded', 'text/plain'])(
    'of the media type "%s" is refused: it must be application/secevent+jwt',
    async (type) => {
      const reply = await host.pushToken(await host.eventToken(batch()), { 'content-type': type });
      await expectRefusal(reply, 415, 'invalid_request', /Content-Type must be application\/secevent\+jwt/);
    },
  );

  test.each([
    'application/secevent+jwt',
    'Application/SecEvent+JWT',
    'application/secevent+jwt; charset=utf-8',
  ])(
    'of the media type "%s" is taken: names are told apart without case, and parameters ignored',
    async (type) => {
      const reply = await host.pushToken(await host.eventToken(batch()), { 'content-type': type });
      expect(reply.status).toBe(202);
    },
  );

  test.each([
    ['application/json', 202],
    ['application/*', 202],
    ['text/html, */*;q=0.1', 202],
    ['', 202],
    ['text/html', 406],
    ['application/json;q=0', 406],
    ['application/jsonp', 406],
  ])('with Accept "%s" is answered with %i', async (accept, status) => {
    expect((await host.pushToken(await host.eventToken(batch()), { accept })).status).toBe(status);
  });

  test.each(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
    'by %s is answered with 405 and Allow',
    async (method) => {
      const reply = await collector.app.request('http://collector.test/v1/events', { method });
      expect([reply.status, reply.headers.get('allow')]).toEqual([405, 'POST']);
    },
  );
});

describe('RFC 8935 section 2: the recipient', () => {
  test('answers a token that it has already as it did the first time, and stores it once', async () => {
    const jti = uuid7();
    const token = await host.eventToken(batch(), { claims: { jti } });
    for (const _ of [1, 2, 3]) {
      const reply = await host.pushToken(token);
      expect([reply.status, await reply.text()]).toEqual([202, '']);
    }
    expect(await countOf(jti)).toBe(1);
  });

  test('has stored what it acknowledges', async () => {
    const jti = uuid7();
    expect((await host.push(batch(), { claims: { jti } })).status).toBe(202);
    expect(await countOf(jti)).toBe(1);
  });
});

describe('RFC 8935 section 2.2: a success', () => {
  test('is 202 with an empty body and no type of one', async () => {
    const reply = await host.push(batch());
    expect([reply.status, (await reply.arrayBuffer()).byteLength]).toEqual([202, 0]);
    expect(reply.headers.get('content-type')).toBe(null);
  });
});

/** Every code of the table of section 2.4, with a token that is refused for exactly that. */
const TABLE: Record<(typeof PUSH_ERRORS)[number], (() => Promise<Response>)[]> = {
  invalid_request: [
    () => host.pushToken('no token'),
    () => host.push({}),
    () => host.push({ [EVENT.status]: { agentVersion: 7 } }),
    () => host.push({ [EVENT.sightings]: { sightings: [sighting({ rev: -1 })] } }),
    () => host.push(batch(), { header: { typ: 'JWT' } }),
    () => host.push(batch(), { claims: { jti: undefined } }),
    () => host.push(batch(), { claims: { iat: undefined } }),
  ],
  invalid_key: [
    () => host.push(batch(), { header: { kid: undefined } }),
    async () => {
      const ended = await testHost(collector, host.parts.networkId, 'ended');
      await database.sql`update host_key set valid_until = now() where host_id = ${ended.id}`;
      return ended.push(batch());
    },
  ],
  invalid_issuer: [() => host.push(batch(), { claims: { iss: hostUrn(uuid7()) } })],
  invalid_audience: [
    () => host.push(batch(), { claims: { aud: uuid7() } }),
    () => host.push(batch(), { claims: { aud: undefined } }),
  ],
  authentication_failed: [
    async () => {
      const { app, deps } = collector;
      const thief = await TestHost.make(app, deps.signer.collectorId, host.parts.networkId);
      return thief.push(batch(), { header: { kid: host.parts.thumbprint } });
    },
    () => host.push(batch(), { header: { alg: 'Ed25519' } }).then(() => host.pushToken(unsigned())),
  ],
  access_denied: [
    () => host.push(batch(), { header: { kid: 'A'.repeat(43) } }),
    async () => {
      const gone = await testHost(collector, host.parts.networkId, 'gone');
      await database.sql`update host set withdrawn_at = now() where id = ${gone.id}`;
      return gone.push(batch());
    },
  ],
};

const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token without a signature, in a form that fits one. */
function unsigned(): string {
  const header = { alg: 'none', typ: 'secevent+jwt', kid: host.parts.thumbprint };
  return `${base64url(header)}.${base64url({ net: host.parts.networkId })}.${'A'.repeat(86)}`;
}

describe('RFC 8935 sections 2.3 and 2.4: a failure', () => {
  test.each(PUSH_ERRORS)('is 400, JSON in English with the code and a description: %s', async (err) => {
    for (const push of TABLE[err]) await expectRefusal(await push(), 400, err, /^.{5,300}$/);
  });

  test('is in English whatever is asked for, since there is no other language', async () => {
    const reply = await host.pushToken('no token', { 'accept-language': 'fr, de;q=0.5' });
    await expectRefusal(reply, 400, 'invalid_request', /compact JWS/);
  });

  test('says nothing of the events before the signature is known to be good', async () => {
    const thief = await TestHost.make(collector.app, collector.deps.signer.collectorId, host.parts.networkId);
    const header = { kid: host.parts.thumbprint };
    const reply = await thief.push({ [EVENT.status]: { bad: 1 } }, { header });
    await expectRefusal(reply, 400, 'authentication_failed', /signature/);
  });

  test('of the route or the method has the same form', async () => {
    const at = (path: string, method: string) =>
      collector.app.request(`http://collector.test${path}`, { method });
    await expectRefusal(await at('/v1/nothing', 'POST'), 404, 'invalid_request', /route/);
    await expectRefusal(await at('/v1/events', 'PUT'), 405, 'invalid_request', /method/);
    const list = await at('/v1/blocklist', 'POST');
    expect([list.status, list.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });
});

describe('RFC 8417 section 2.2: a token', () => {
  test('must have iss, iat, jti and events, and its events must be an object that is not empty', async () => {
    for (const claims of [
      { iat: undefined },
      { jti: undefined },
      { events: undefined },
      { events: [] },
      { events: {} },
    ])
      await expectRefusal(await host.push(batch(), { claims }), 400, 'invalid_request', /./);
    await expectRefusal(
      await host.push(batch(), { claims: { iss: undefined } }),
      400,
      'invalid_issuer',
      /iss/,
    );
  });

  test('is told from other tokens by its explicit type (section 2.3)', async () => {
    const asRequest = await host.requestToken();
    await expectRefusal(await host.pushToken(asRequest), 400, 'invalid_request', /typ must be secevent\+jwt/);
    expect((await host.push(batch(), { header: { typ: 'application/secevent+jwt' } })).status).toBe(202);
  });

  test('may carry claims and events that the recipient does not know', async () => {
    const events = { ...batch(), 'https://example.org/event': { any: ['thing'] } };
    expect(
      (await host.push(events, { claims: { toe: 1, txn: 'x', sub_id: { format: 'opaque' } } })).status,
    ).toBe(202);
  });
});
