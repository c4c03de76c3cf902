import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import type { Database } from '@picket/db';
import { testDatabase } from '@picket/db/testing';
import { MAX_BODY_BYTES } from '@picket/protocol';
import { Agent, request } from 'undici';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type TestCollector, testCollector, testHost, testNetwork } from '../testing/collector.ts';
import { type RunningServer, startServer } from './server.ts';

let database: Database;
let collector: TestCollector;
let server: RunningServer;
let http: Agent;

beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  collector = await testCollector(database.sql);
  server = await startServer(collector.app, { host: '127.0.0.1', port: 0 });
  http = new Agent();
});
afterEach(async () => {
  await http.destroy();
  collector.deps.watch.stop();
  await server.stop();
});

const url = (path: string) => `http://127.0.0.1:${server.port}${path}`;

/** A request for the list that the collector holds. */
async function startWaiting(signal?: AbortSignal) {
  const networkId = await testNetwork(database.sql);
  const host = await testHost(collector, networkId);
  const { epoch } = await host.readList();
  const reply = request(url(`/v1/blocklist?since=0&epoch=${epoch}`), {
    dispatcher: http,
    ...(signal === undefined ? {} : { signal }),
    headers: { authorization: `Bearer ${await host.requestToken()}`, prefer: 'wait=50' },
  });
  await expect.poll(() => collector.deps.watch.waitedFor()).toContain(networkId);
  return { networkId, reply };
}

test('a stop answers waiting hosts at once, takes no more, and ends', async () => {
  const { reply } = await startWaiting();
  collector.deps.watch.stop();
  const stopped = server.stop();
  const answer = await reply;
  expect(answer.statusCode).toBe(200);
  await answer.body.dump();
  await stopped;
  await expect(request(url('/healthz'), { dispatcher: new Agent() })).rejects.toThrow(/ECONNREFUSED/);
});

test('a host that goes away is no longer waited for', async () => {
  const gone = new AbortController();
  const { networkId, reply } = await startWaiting(gone.signal);
  gone.abort();
  await expect(reply).rejects.toThrow();
  await expect.poll(() => collector.deps.watch.waitedFor()).not.toContain(networkId);
});

test('a body without an end is refused while it is read', async () => {
  const chunk = new Uint8Array(64 * 1024);
  let sent = 0;
  async function* endless() {
    for (;;) {
      sent += chunk.length;
      yield chunk;
    }
  }
  const headers = { 'content-type': 'application/secevent+jwt' };
  const sending = request(url('/v1/events'), {
    dispatcher: http,
    method: 'POST',
    headers,
    body: Readable.from(endless()),
  });
  const status = await sending.then((reply) => reply.statusCode).catch((error: Error) => error.message);
  // A client that is still sending may see the connection end before it sees the answer.
  expect([413, 'other side closed', 'write ECONNRESET', 'read ECONNRESET', 'write EPIPE']).toContain(status);
  expect(sent).toBeLessThan(100 * MAX_BODY_BYTES);
});

test('a gzip bomb is refused', async () => {
  const body = gzipSync(new Uint8Array(64 * 1024 * 1024));
  expect(body.length).toBeLessThan(MAX_BODY_BYTES);
  const headers = { 'content-type': 'application/secevent+jwt', 'content-encoding': 'gzip' };
  const reply = await request(url('/v1/events'), { dispatcher: http, method: 'POST', headers, body });
  expect(reply.statusCode).toBe(413);
  await reply.body.dump();
});

test('a request that is no HTTP is answered and cut', async () => {
  const socket = connect(server.port, '127.0.0.1');
  socket.write('hello\r\n\r\n');
  let said = '';
  for await (const bytes of socket) said += bytes;
  expect(said).toMatch(/^HTTP\/1\.1 400/);
});

test('every reply has the fixed headers', async () => {
  for (const path of ['/healthz', '/nothing', '/v1/blocklist', '/install.sh']) {
    const reply = await request(url(path), { dispatcher: http });
    expect(reply.headers).toMatchObject({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
    await reply.body.dump();
  }
});
