import type { Database } from '@picket/db';
import { testDatabase } from '@picket/db/testing';
import { collectorUrn, ROTATION_TYP } from '@picket/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type TestCollector, testCollector, testHost, testNetwork } from '../testing/collector.ts';
import { TestHost } from '../testing/host.ts';
import { sighting } from '../testing/sighting.ts';

let database: Database;
let collector: TestCollector;

beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  collector = await testCollector(database.sql);
});

const from = (client: string, path: string, init: RequestInit = {}) =>
  collector.app.request(`http://collector.test${path}`, init, { client });

const push = (client: string, body: string) =>
  from(client, '/v1/events', {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/secevent+jwt' },
  });

const metric = async (name: string): Promise<number> => {
  const { text } = await collector.deps.meters.read();
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  return line === undefined ? 0 : Number(line.split(' ').at(-1));
};

describe('an address', () => {
  test('that sends nonsense is told to come again later, by number of seconds', async () => {
    for (let bad = 0; bad < 301; bad++) expect((await push('192.0.2.1', 'nonsense')).status).toBe(400);
    const reply = await push('192.0.2.1', 'nonsense');
    expect(reply.status).toBe(429);
    expect(Number(reply.headers.get('retry-after'))).toSatisfy((wait: number) => wait >= 1 && wait <= 60);
    expect(await reply.json()).toEqual({ err: 'too_many_requests', description: expect.any(String) });
    expect((await push('192.0.2.2', 'nonsense')).status).toBe(400);
    expect(await metric('picket_limited_total{limit="address"}')).toBe(1);
  });

  test('pays for asking about the health of the collector, and who has none does not', async () => {
    for (let asked = 0; asked <= 3_000; asked++) await from('192.0.2.1', '/healthz');
    expect((await from('192.0.2.1', '/healthz')).status).toBe(429);
    expect((await collector.app.request('/healthz')).status).toBe(200);
  });

  test('with a thousand hosts behind it that report and ask is not limited', async () => {
    const host = await testHost(collector, await testNetwork(database.sql));
    const token = await host.eventToken({ 'urn:picket:event:none': {} });
    const { limits } = collector.deps;
    for (let one = 0; one < 1_000; one++) {
      // One host stands for all: what its signature costs the address is the same.
      if (one % 10 === 0) expect((await push('192.0.2.1', token)).status).toBe(202);
      expect(limits.waitOf('192.0.2.1')).toBe(undefined);
    }
  });

  test('pays little for what its own hosts do wrong', async () => {
    const host = await testHost(collector, await testNetwork(database.sql));
    const late = await host.eventToken({ 'urn:picket:event:status': { bad: true } });
    for (let one = 0; one < 320; one++) expect((await push('192.0.2.1', late)).status).toBe(400);
  });

  test.each([
    ['list', '/v1/blocklist?since=never'],
    ['key', '/v1/host-keys'],
  ])('pays little for a wrong request for a %s that its own host has signed', async (what, path) => {
    const host = await testHost(collector, await testNetwork(database.sql));
    const { thumbprint } = host.parts;
    const claims = { iss: `urn:picket:host:${host.id}`, net: host.parts.networkId };
    const aud = collectorUrn(host.parts.collectorId);
    const headers: Record<string, string> =
      what === 'list'
        ? { authorization: `Bearer ${await host.requestToken()}` }
        : { 'content-type': 'application/jwt' };
    const body =
      what === 'list' ? null : await host.sign({ typ: ROTATION_TYP, kid: thumbprint }, { ...claims, aud });
    const init = { method: what === 'list' ? 'GET' : 'POST', headers, body };
    for (let one = 0; one < 320; one++) expect((await from('192.0.2.1', path, init)).status).toBe(400);
  });

  test('does not starve for a host behind it that was withdrawn and does not know', async () => {
    const host = await testHost(collector, await testNetwork(database.sql));
    await database.sql`update host set withdrawn_at = now() where id = ${host.id}`;
    const token = await host.eventToken({});
    for (let one = 0; one < 320; one++) expect((await push('192.0.2.1', token)).status).toBe(400);
  });
});

test('a host that goes on over its limit costs its address', async () => {
  const limits = { ...collector.deps.limits, host: async () => 7 };
  const host = await testHost(collector, await testNetwork(database.sql));
  collector = await testCollector(database.sql, { limits });
  const token = await host.eventToken({});
  for (let over = 0; over <= 3_000; over++) await push('192.0.2.1', token);
  expect(limits.waitOf('192.0.2.1')).toBeGreaterThan(0);
  expect(await metric('picket_limited_total{limit="host"}')).toBe(3_001);
});

test('a host over its limit is told to wait, and other hosts are not', async () => {
  const networkId = await testNetwork(database.sql);
  const limits = { ...collector.deps.limits };
  const host = await testHost(collector, networkId);
  const other = await testHost(collector, networkId, 'web-2');
  limits.host = async (id) => (id === host.id ? 7 : undefined);
  const replica = await testCollector(database.sql, { limits });
  for (const reply of [
    await host.at(replica.app).pushSightings(sighting()),
    await host.at(replica.app).getList(),
    await host
      .at(replica.app)
      .post('/v1/host-keys', await host.sign({ typ: ROTATION_TYP, kid: host.parts.thumbprint }, {}), {
        'content-type': 'application/jwt',
      }),
  ])
    expect([reply.status, reply.headers.get('retry-after')]).toEqual([429, '7']);
  expect((await other.at(replica.app).pushSightings(sighting())).status).toBe(202);
});

test('a join key that is tried again and again is told to wait', async () => {
  const networkId = await testNetwork(database.sql);
  const { app, deps } = collector;
  const limits = { ...deps.limits, enrolment: async () => 3 };
  const replica = await testCollector(database.sql, { limits });
  const host = await TestHost.make(replica.app, deps.signer.collectorId, networkId);
  const reply = await host.enrol('A'.repeat(43));
  expect([reply.status, reply.headers.get('retry-after')]).toEqual([429, '3']);
  const wait = await deps.limits.enrolment('192.0.2.1', 'token');
  expect(wait).toBe(undefined);
  for (let tried = 0; tried < 1_199; tried++) await deps.limits.enrolment(undefined, 'token');
  expect(await deps.limits.enrolment(undefined, 'token')).toBeGreaterThan(0);
  expect((await host.at(app).enrol('A'.repeat(43))).status).toBe(403);
});

describe('the meters', () => {
  test('tell batches, sightings and refusals apart, by a fixed set of names', async () => {
    const networkId = await testNetwork(database.sql);
    const host = await testHost(collector, networkId);
    const token = await host.eventToken({
      'urn:picket:event:sightings': { sightings: [sighting(), sighting()] },
    });
    await host.pushToken(token);
    await host.pushToken(token);
    const thief = await TestHost.make(collector.app, collector.deps.signer.collectorId, networkId);
    await thief.push({ a: {} }, { header: { kid: host.parts.thumbprint } });
    await thief.push({ a: {} });
    await database.sql`update host set withdrawn_at = now() where id = ${host.id}`;
    await host.push({ a: {} });
    await collector.app.request('/made/up/by/a/client');
    expect(await metric('picket_batches_total{kind="new"}')).toBe(1);
    expect(await metric('picket_batches_total{kind="repeated"}')).toBe(1);
    expect(await metric('picket_sightings_total')).toBe(2);
    expect(await metric('picket_commit_seconds_count')).toBe(2);
    const refused = (err: string, cause: string) =>
      metric(`picket_refusals_total{route="events",err="${err}",cause="${cause}"}`);
    expect(await refused('authentication_failed', 'signature')).toBe(1);
    expect(await refused('access_denied', 'unknown_host')).toBe(1);
    expect(await refused('access_denied', 'withdrawn_host')).toBe(1);
    expect(await metric('picket_http_requests_total{route="events",status="202"}')).toBe(2);
    expect(await metric('picket_http_requests_total{route="other",status="404"}')).toBe(1);
    expect(await metric('picket_postgres_connections{state="active"}')).toBeGreaterThan(0);
    const { text } = await collector.deps.meters.read();
    expect(text).toContain('process_resident_memory_bytes');
    expect(text).not.toContain('/made/up');
  });

  test('count requests that wait for a list', async () => {
    const host = await testHost(collector, await testNetwork(database.sql));
    const { version: since, epoch } = await host.readList();
    const waiting = host.getList({ since, epoch }, { waitSeconds: 50 });
    await expect.poll(() => metric('picket_list_waiters')).toBe(1);
    collector.deps.watch.stop();
    await waiting;
    expect(await metric('picket_list_waiters')).toBe(0);
  });
});
