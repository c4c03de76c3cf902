import { connect } from 'node:net';
import type { Database } from '@picket/db';
import { testDatabase } from '@picket/db/testing';
import { Agent, request } from 'undici';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Log } from '../deps.ts';
import { type TestCollector, testCollector } from '../testing/collector.ts';
import { createGate } from './gate.ts';
import { startMetricsServer } from './metrics-server.ts';
import { type RunningServer, startServer } from './server.ts';

let database: Database;
let collector: TestCollector;
let server: RunningServer;
let http: Agent;
let warnings: string[];

beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  collector = await testCollector(database.sql);
  warnings = [];
  http = new Agent();
});
afterEach(async () => {
  await http.destroy();
  await server.stop();
});

const LOG: Log = {
  ...{ debug: () => {}, info: () => {}, error: () => {} },
  warn: (_, message) => void warnings.push(message),
};

async function start(proxies: readonly string[]): Promise<void> {
  const { limits, meters } = collector.deps;
  const gate = createGate({ limits, meters, log: LOG, proxies });
  server = await startServer(collector.app, { host: '127.0.0.1', port: 0 }, gate);
}

async function ask(headers: Record<string, string> = {}, path = '/v1/nothing') {
  const url = `http://127.0.0.1:${server.port}${path}`;
  const reply = await request(url, { dispatcher: http, headers });
  await reply.body.dump();
  return reply;
}

/** What a connection brings that sends the head of a request and never its body. */
async function sayHead(): Promise<string> {
  const socket = connect(server.port, '127.0.0.1');
  let said = '';
  socket.on('error', () => {});
  socket.write('POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n');
  for await (const bytes of socket) said += bytes;
  return said;
}

test('an address over its limit is answered before its body is read, and then not at all', async () => {
  await start([]);
  collector.deps.limits.charge('127.0.0.1', 3_001);
  await expect.poll(sayHead).toMatch(/^HTTP\/1\.1 429 [\s\S]*retry-after: \d+\r\nconnection: close/i);
  const reply = await ask();
  expect([reply.statusCode, reply.headers['content-type']]).toEqual([429, 'application/json']);
  while (!collector.deps.limits.isDeaf('127.0.0.1')) collector.deps.limits.waitOf('127.0.0.1');
  await expect(ask()).rejects.toThrow();
  const { text } = await collector.deps.meters.read();
  expect(text).toMatch(/picket_limited_total\{limit="connection"\} [1-9]/);
});

test('clients behind a proxy of ours are told apart, and its connections stay open', async () => {
  await start(['127.0.0.0/8']);
  collector.deps.limits.charge('192.0.2.1', 3_001);
  await expect.poll(async () => (await ask({ 'x-forwarded-for': '192.0.2.1' })).statusCode).toBe(429);
  while (!collector.deps.limits.isDeaf('192.0.2.1')) collector.deps.limits.waitOf('192.0.2.1');
  expect((await ask({ 'x-forwarded-for': '192.0.2.1' })).statusCode).toBe(429);
  expect((await ask({ 'x-forwarded-for': '192.0.2.2' })).statusCode).toBe(404);
  expect(warnings).toEqual([]);
});

test('a proxy that does not say for whom it asks is told of in the log, once', async () => {
  await start(['127.0.0.0/8']);
  collector.deps.limits.charge('127.0.0.1', 3_001);
  await expect.poll(async () => (await ask()).statusCode).toBe(429);
  await ask();
  expect(warnings).toEqual([expect.stringContaining('X-Forwarded-For')]);
});

test('nonsense that is no HTTP costs its address too', async () => {
  await start([]);
  const say = async () => {
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.end('hello\r\n\r\n');
    let said = '';
    for await (const bytes of socket) said += bytes;
    return said;
  };
  expect(await say()).toMatch(/^HTTP\/1\.1 400/);
  collector.deps.limits.charge('127.0.0.1', 2_990);
  await say();
  await expect.poll(() => collector.deps.limits.waitOf('127.0.0.1')).toBeGreaterThan(0);
});

test('metrics are served on an address of their own and nowhere else', async () => {
  await start([]);
  const metrics = await startMetricsServer(collector.deps.meters, { host: '127.0.0.1', port: 0 });
  const reply = await request(`http://127.0.0.1:${metrics.port}/metrics`, { dispatcher: http });
  expect([reply.statusCode, reply.headers['content-type']]).toEqual([
    200,
    expect.stringContaining('text/plain'),
  ]);
  expect(await reply.body.text()).toContain('picket_list_waiters 0');
  const other = await request(`http://127.0.0.1:${metrics.port}/v1/events`, { dispatcher: http });
  expect(other.statusCode).toBe(404);
  await other.body.dump();
  expect((await ask({}, '/metrics')).statusCode).toBe(404);
  await http.destroy();
  await metrics.stop();
});
