import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Database } from '@picket/db';
import { testDatabase } from '@picket/db/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startCollector } from './collector.ts';
import { type Config, readConfig } from './config.ts';
import { createLog } from './log.ts';

let database: Database;
let folder: string;

beforeAll(async () => {
  database = await testDatabase();
  folder = await mkdtemp(join(tmpdir(), 'picket-collector-'));
});
afterAll(async () => {
  await database.close();
  await rm(folder, { recursive: true, force: true });
});

function config(env: Record<string, string>): Config {
  const result = readConfig(
    { DATABASE_URL: database.url, PICKET_DATA_DIR: folder, PICKET_LISTEN: '127.0.0.1:0', ...env },
    { isRoot: false, homeDir: folder, hostName: 'box' },
  );
  if (!result.ok) throw new Error(result.problems.join());
  return result.config;
}

test('a collector starts whole, says that it is ready, and stops', async () => {
  const collector = await startCollector(config({}), createLog('fatal'));
  const reply = await fetch(`http://127.0.0.1:${collector.port}/readyz`);
  expect([reply.status, await reply.text()]).toEqual([200, 'ready\n']);
  await collector.stop();
  await expect(fetch(`http://127.0.0.1:${collector.port}/readyz`)).rejects.toThrow();
});

test('a collector whose address is taken does not start, and leaves nothing running', async () => {
  const first = await startCollector(config({}), createLog('fatal'));
  const taken = config({ PICKET_LISTEN: `127.0.0.1:${first.port}` });
  await expect(startCollector(taken, createLog('fatal'))).rejects.toThrow(/EADDRINUSE/);
  await first.stop();
  const left = await database.sql`
    select application_name from pg_stat_activity
    where datname = current_database() and application_name = 'picket-collector'`;
  expect(left).toHaveLength(0);
});
