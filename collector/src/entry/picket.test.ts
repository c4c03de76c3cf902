import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Database } from '@picket/db';
import { testDatabase } from '@picket/db/testing';
import { parseJoinKey } from '@picket/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findNetwork } from '../store/networks.ts';
import { testCollector } from '../testing/collector.ts';
import { runCommand } from '../testing/command.ts';
import { TestHost } from '../testing/host.ts';
import { trippedSighting } from '../testing/sighting.ts';

const run = promisify(execFile);

let database: Database;
let folder: string;

beforeAll(async () => {
  database = await testDatabase();
  folder = await mkdtemp(join(tmpdir(), 'picket-command-'));
});
afterAll(async () => {
  await database.close();
  await rm(folder, { recursive: true, force: true });
});

/** Runs a command as the program does, with what it writes kept. */
const picket = (...args: string[]) => runCommand(environment(), ...args);

const environment = () => ({
  ...{ PATH: process.env.PATH, DATABASE_URL: database.url, PICKET_DATA_DIR: folder },
  PICKET_PUBLIC_URL: 'https://picket.example.org',
});

describe('the command line', () => {
  test('makes a network, lets a host join and shows what it saw', async () => {
    expect(await picket('network', 'add', 'office', '--mail', 'ops@example.org')).toMatchObject({
      status: 0,
    });
    const printed = (await picket('join-key', 'office', '--uses', '2')).stdout;
    expect(printed).toContain('curl -fsSL https://picket.example.org/install.sh | sudo sh\n');
    const parsed = parseJoinKey(printed.split('\n')[0] ?? '');
    if (!parsed.ok) throw new Error(parsed.reason);
    const collector = await testCollector(database.sql);
    expect(parsed.joinKey.thumbprint).toBe(collector.deps.signer.thumbprint);
    const { collectorId, networkId, token } = parsed.joinKey;
    const host = await TestHost.make(collector.app, collectorId, networkId, 'web-1');
    expect((await host.enrol(token)).status).toBe(201);
    await host.pushSightings(trippedSighting());

    const hosts = JSON.parse((await picket('hosts', 'office', '--json')).stdout);
    expect(hosts).toMatchObject([{ name: 'web-1', id: host.id, statusAt: null }]);
    const sources = (await picket('sources', 'office')).stdout;
    expect(sources).toMatch(/^198\.51\.100\.7 +yes .* web-1 +web-1 +1$/m);
    const blocks = (await picket('blocks', networkId)).stdout;
    expect(blocks).toMatch(/^198\.51\.100\.7 +held .* correlation +tripped on web-1; ports tcp 21,23,25$/m);
    expect((await picket('digest', 'preview', 'office')).stdout).toContain('198.51.100.7');
    expect((await picket('digest', 'send', 'office')).stdout).toMatch(/^sent as </);
    expect(await readdir(join(folder, 'outbox'))).toHaveLength(1);
  });

  test('blocks, allows and lifts, and says why not', async () => {
    await picket('network', 'add', 'lab', '--mail', 'ops@example.org');
    const block = (source: string) => picket('block', 'lab', source, '--reason', 'asked', '--for', '2h');
    expect((await block('203.0.113.9')).stdout).toContain('203.0.113.9 is blocked until');
    expect((await block('127.0.0.1')).stderr).toBe('picket: 127.0.0.1 is never blocked: loopback\n');
    expect(await block('203.0.113.0/24')).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(
        /^picket: 203\.0\.113\.0\/24 is too wide: hosts block one IPv4 address, .*\n$/,
      ),
    });
    const allowed = await picket('allow', 'lab', '203.0.113.0/24', '--reason', 'ours');
    expect(allowed.stdout).toMatch(/203\.0\.113\.9 is no longer blocked[\s\S]*never blocked from now on/);
    expect((await block('203.0.113.9')).stderr).toContain('never blocked: allow list');
    expect((await picket('unblock', 'lab', '203.0.113.9')).stderr).toContain('is not blocked');
    expect((await picket('disallow', 'lab', '203.0.113.0/24')).status).toBe(0);
    expect((await block('203.0.113.9')).status).toBe(0);
    expect((await picket('unblock', 'lab', '203.0.113.9')).stdout).toContain('no longer blocked');
    expect((await findNetwork(database.sql, 'lab'))?.listVersion).toBe(5);
  });

  test('holds a network in observe mode for a while, shows that, and ends it', async () => {
    await picket('network', 'add', 'trial', '--mail', 'ops@example.org');
    const until = /observe until \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ/;
    expect((await picket('network', 'mode', 'trial', 'observe', '--for', '7d')).stdout).toMatch(until);
    expect((await picket('network', 'list')).stdout).toMatch(/^trial +0 .* observe until .*$/m);
    expect((await picket('network', 'mode', 'trial', 'enforce')).stdout).toContain(
      'network trial: enforce\n',
    );
    expect((await picket('network', 'list')).stdout).toMatch(/^trial .* enforce +2 /m);
  });

  test.each([
    [['network', 'mode', 'office', 'sleep'], 'Allowed choices are observe, enforce'],
    [['network', 'mode', 'office', 'enforce', '--for', '1d'], '--for belongs to observe'],
    [['hosts', 'nowhere'], 'there is no network "nowhere"'],
    [['network', 'add', 'office', '--mail', 'not an address'], 'must be a mail address'],
    [['network', 'add', 'x', '--mail', 'a@b', '--zone', 'Mars/North'], 'Must be a time zone'],
    [['join-key', 'office', '--expires', '2y'], 'Must be a number and s, m, h or d'],
    [['block', 'office', '10.0.0.1/8', '--reason', 'x'], 'did you mean 10.0.0.0/8?'],
    [['shut', 'down'], "unknown command 'shut'"],
  ])('refuses %j', async (args, words) => {
    const { status, stderr } = await picket(...args);
    expect(stderr).toContain(words);
    expect(status).toBe(1);
  });

  test.each([
    ['nobody listens', () => 'postgres://ada:secret@127.0.0.1:1/x', /ECONNREFUSED/],
    [
      'there is no such database',
      () => database.url.replace(/\/[^/?]+(?=\?|$)/, '/absent'),
      /"absent" does not exist/,
    ],
  ])('says in one line what is wrong with the database when %s', async (_, url, words) => {
    const { status, stderr } = await runCommand({ ...environment(), DATABASE_URL: url() }, 'network', 'list');
    expect(stderr).toMatch(/^picket: the database cannot be used: .+\n$/);
    expect(stderr).toMatch(words);
    expect(stderr).not.toContain('secret');
    expect(status).toBe(1);
  });

  test('is a program that tells its outcome by its exit status', { timeout: 120_000 }, async () => {
    const program = ['--import', 'tsx', join(import.meta.dirname, 'picket.ts')];
    const listed = await run(process.execPath, [...program, 'network', 'list', '--json'], {
      env: environment(),
    });
    expect(JSON.parse(listed.stdout)).toHaveLength(3);
    const env = { ...environment(), SMTP_URL: 'x' };
    const refused = run(process.execPath, [...program, 'network', 'list'], { env });
    await expect(refused).rejects.toMatchObject({
      code: 78,
      stderr: expect.stringContaining('SMTP_URL="x"'),
    });
  });
});
