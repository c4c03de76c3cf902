import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { type Database, RETENTION_MS } from '@picket/db';
import { testDatabase } from '@picket/db/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { scene } from '../digest/testing/scene.ts';
import { smtpMailer } from '../mail/smtp.ts';
import { trippedSighting } from '../testing/sighting.ts';
import { startJobs } from './jobs.ts';

let database: Database;

beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.close());

test('a stop does not wait for a mail server that hangs, and leaves the mail to a later run', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const { sql } = database;
  const prod = await scene(sql);
  const longAgoMs = Date.now() - 2 * 3_600_000;
  await prod.see(trippedSighting({ trip: { atMs: longAgoMs }, firstAtMs: longAgoMs, lastAtMs: longAgoMs }));
  const connected = once(server, 'connection') as Promise<[Socket]>;
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: console.error };
  const mailer = smtpMailer(`smtp://127.0.0.1:${port}`, 'picket@example.net');
  const jobs = startJobs({ sql, mailer, log, nowMs: Date.now, retentionMs: RETENTION_MS });
  const [socket] = await connected;
  const broken = once(socket.on('error', () => {}).resume(), 'close');
  await jobs.stop();
  expect(await sql`select sent_at, last_error from digest`).toEqual([
    { sent_at: null, last_error: 'the collector stopped' },
  ]);
  // An open connection would keep the process alive.
  await broken;
  server.close();
}, 20_000);
