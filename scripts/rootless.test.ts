import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Database } from '@picket/db';
import { testDatabase } from '@picket/db/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exec, mustExec, type Running, start } from './lab/run.ts';
import { waitFor } from './lab/wait.ts';

/*
 * The whole chain without any privilege: ports bound by the connect engine, nothing refused, everything told. The
 * programs run from their sources, on loopback, which only the lab setting makes a source.
 */

const ROOT = resolve(import.meta.dirname, '..');
const PORTS = [21_821, 21_822, 21_823, 21_824];
const COLLECTOR = 'http://127.0.0.1:45820';
const START_MS = 60_000;

let folder: string;
let database: Database;
let env: NodeJS.ProcessEnv;
const running: Running[] = [];

const program = (file: string, ...args: string[]) => [process.execPath, '--import', 'tsx', file, ...args];
const picket = (...args: string[]) =>
  mustExec(program('collector/src/entry/picket.ts', ...args), { env, cwd: ROOT });
const agent = (...args: string[]) =>
  program('agent/src/main.ts', ...args, '--config', join(folder, 'picket.toml'));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'picket-rootless-'));
  database = await testDatabase();
  env = {
    PATH: process.env.PATH,
    DATABASE_URL: database.url,
    PICKET_LISTEN: new URL(COLLECTOR).host,
    PICKET_PUBLIC_URL: COLLECTOR,
    PICKET_DATA_DIR: join(folder, 'collector'),
  };
  const config = `state_dir = "${folder}/state"
[watch]
engine = "connect"
[connect]
tcp = "${PORTS.join(',')}"
udp = ""
[block]
firewall = "log-only"
[lab]
loopback_sources = true
`;
  await writeFile(join(folder, 'picket.toml'), config);
  const collector = start(program('collector/src/entry/node.ts'), join(folder, 'collector.log'), {
    env,
    cwd: ROOT,
  });
  running.push(collector);
  await collector.printed(/collector is ready/, START_MS);
}, 2 * START_MS);

afterAll(async () => {
  for (const child of running.reverse()) await child.stop();
  await database.close();
  await rm(folder, { recursive: true, force: true });
});

test('a scan of bound ports becomes one proven sighting, told and not enforced', async () => {
  await picket('network', 'add', 'rootless', '--mail', 'admin@example.net');
  const joinKey = /picket1\.[\w-]+/.exec(await picket('join-key', 'rootless'))?.[0] ?? '';
  const enrolled = await exec(agent('enroll', '--join-key-file', '-'), { stdin: joinKey, cwd: ROOT });
  expect(enrolled).toMatchObject({ status: 0, stdout: expect.stringContaining('"rootless"') });
  const watching = start(agent('run'), join(folder, 'agent.log'), { cwd: ROOT });
  running.push(watching);
  await watching.printed(/watching engine=connect firewall=log-only/, START_MS);

  for (const port of PORTS) {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    await new Promise((done) => socket.once('close', done));
  }
  const [sighting] = await waitFor(
    'the sighting of the trip',
    async () => {
      const rows = await database.sql`
        select source, is_proven, port_count, ports, block_how from sighting where tripped_at is not null`;
      return rows.length > 0 && rows;
    },
    20_000,
  );
  expect(sighting).toMatchObject({
    source: '127.0.0.1',
    is_proven: true,
    ports: `tcp:${PORTS[0]}-${PORTS.at(-1)}`,
    block_how: expect.stringMatching(/ connect log-only$/),
  });
  await watching.printed(/would block 127\.0\.0\.1/, 5_000);
  // Loopback is on the network's never-block list, whatever a host says of it.
  expect(JSON.parse(await picket('blocks', 'rootless', '--json'))).toEqual([]);
});
