import type { Database } from '@picket/db';
import { testDatabase } from '@picket/db/testing';
import type { Act } from '@picket/protocol';
import { v7 as uuid7 } from 'uuid';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Facts } from '../digest/facts.ts';
import { render } from '../digest/render.ts';
import { HOUR_MS, scene } from '../digest/testing/scene.ts';
import { trippedSighting } from '../testing/sighting.ts';
import { insertActs } from './acts.ts';
import { claimDigest, previewFacts } from './digests.ts';
import type { Sql } from './sql.ts';

let database: Database;
let sql: Sql;

beforeAll(async () => {
  database = await testDatabase();
  sql = database.sql;
});

afterEach(() => sql`truncate network cascade`);

afterAll(() => database.close());

const act = (over: Partial<Act> = {}): Act => ({
  id: uuid7(),
  act: 'allow',
  source: '198.51.100.0/24',
  atMs: HOUR_MS - 60_000,
  untilMs: HOUR_MS + 60_000,
  by: 'alice',
  ...over,
});

async function claim(networkId: string, hourMs: number): Promise<Facts | undefined> {
  const which = { networkId, hourMs, nowMs: hourMs, asked: false, messageId: `<${hourMs}@x>` };
  return (await claimDigest(sql, { ...which, leaseMs: 60_000 }))?.facts as Facts | undefined;
}

test('what a person ordered on a host is told with the next mail, once, however often it was told to the collector', async () => {
  const prod = await scene(sql);
  const [hostId = ''] = prod.hosts;
  const host = { networkId: prod.networkId, hostId };
  const acts = [
    act(),
    act({ act: 'unblock', source: '2001:db8::/64', untilMs: undefined, by: '<b>bob</b>' }),
  ];
  for (let i = 0; i < 2; i++) await sql.begin((tx) => insertActs(tx, host, acts));
  expect(await claim(prod.networkId, HOUR_MS)).toBeUndefined();
  await prod.see(trippedSighting(), 0);
  const preview = await previewFacts(sql, prod.networkId, HOUR_MS);
  const { text, html } = render(preview, { atMs: HOUR_MS, attempt: 1 });
  expect(text).toMatch(/alice allowed 198\.51\.100\.0\/24 on \S+\s+until/);
  expect(text).toMatch(/bob.*unblocked\s+2001:db8::\/64\s+on/);
  expect(html).not.toContain('<b>bob');
  expect((await claim(prod.networkId, HOUR_MS))?.acts?.count).toBe(2);
  await prod.see(trippedSighting({ source: '198.51.100.9', address: '198.51.100.9' }), 0);
  expect((await claim(prod.networkId, HOUR_MS + 3_600_000))?.acts).toBeUndefined();
});
