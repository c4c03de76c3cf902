import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import type { Database } from '@picket/db';
import { testDatabase } from '@picket/db/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { testCollector } from '../testing/collector.ts';
import { shellSafe } from './downloads.ts';

let database: Database;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.close());

const agent = new TextEncoder().encode('console.log("agent");\n');
const SCRIPT =
  "PICKET_URL='@PICKET_URL@'\nAGENT_SHA256='@AGENT_SHA256@'\necho \"$PICKET_URL $AGENT_SHA256\"\n";

const collectorWith = (script: string | undefined, bytes: Uint8Array | undefined) =>
  testCollector(database.sql, {
    publicUrl: 'https://picket.example.org/base',
    downloads: { installScript: async () => script, agent: async () => bytes },
  });

test('the installer pins the address and the checksum of the very agent that is served', async () => {
  const { app } = await collectorWith(SCRIPT, agent);
  const script = await (await app.request('/install.sh')).text();
  const served = new Uint8Array(await (await app.request('/agent.mjs')).arrayBuffer());
  const sum = createHash('sha256').update(served).digest('hex');
  const said = execFileSync('sh', { input: script, encoding: 'utf8' });
  expect(said).toBe(`https://picket.example.org/base ${sum}\n`);
});

test.each([
  [undefined, agent, /install\.sh is not there.*PICKET_INSTALL_SCRIPT/],
  [SCRIPT, undefined, /the agent is not there.*PICKET_AGENT_FILE/],
])('what is not there is said to be', async (script, bytes, words) => {
  const { app } = await collectorWith(script, bytes);
  const reply = await app.request('/install.sh');
  expect([reply.status, await reply.json()]).toEqual([
    503,
    { err: 'unavailable', description: expect.stringMatching(words) },
  ]);
});

test.each(["'", '"', '$(id)', '`id`', ' ', '\n', '\\', ';', '&', '!', '%', ''])(
  '%j never gets into a script',
  (text) => {
    expect(() => shellSafe(`http://a${text}b`.slice(0, text === '' ? 0 : undefined))).toThrow(TypeError);
  },
);
