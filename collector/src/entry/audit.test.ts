import { mkdtemp, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Database } from '@picket/db';
import { testDatabase } from '@picket/db/testing';
import { parseJoinKey } from '@picket/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { recordAct } from '../store/audit.ts';
import { blockSource } from '../store/manual.ts';
import { testCollector, testHost, testNetwork } from '../testing/collector.ts';
import { runCommand } from '../testing/command.ts';
import { expectRefusal } from '../testing/expect-refusal.ts';
import { TestHost } from '../testing/host.ts';
import { sighting, trippedSighting } from '../testing/sighting.ts';
import { testStatus } from '../testing/status.ts';

let database: Database;
let folder: string;

beforeAll(async () => {
  database = await testDatabase();
  folder = await mkdtemp(join(tmpdir(), 'picket-audit-'));
});
afterAll(async () => {
  await database.close();
  await rm(folder, { recursive: true, force: true });
});

const picket = (...args: string[]) =>
  runCommand({ DATABASE_URL: database.url, PICKET_DATA_DIR: folder, SUDO_USER: 'ada' }, ...args);

const audit = async (...args: string[]): Promise<Record<string, unknown>[]> =>
  JSON.parse((await picket('audit', ...args, '--json')).stdout);

/** A network made by the command line and a host that joined with its key. */
async function office(network: string) {
  await picket('network', 'add', network, '--mail', 'ops@example.org');
  const collector = await testCollector(database.sql);
  const parsed = parseJoinKey((await picket('join-key', network, '--uses', '9')).stdout.split('\n')[0] ?? '');
  if (!parsed.ok) throw new Error(parsed.reason);
  const { collectorId, networkId, token } = parsed.joinKey;
  const join = async (name: string) => {
    const host = await TestHost.make(collector.app, collectorId, networkId, name);
    return { host, reply: await host.enrol(token) };
  };
  return { networkId, join, host: (await join('web-1')).host };
}

test('every command that changes something is in the log, with who and what', async () => {
  const { host } = await office('office');
  await host.pushSightings(trippedSighting());
  const source = '203.0.113.9';
  await picket('block', 'office', source, '--reason', 'asked');
  await picket('unblock', 'office', source);
  await picket('allow', 'office', source, '--reason', 'ours');
  await picket('disallow', 'office', source);
  await picket('network', 'mode', 'office', 'observe', '--for', '1d');
  await picket('digest', 'send', 'office');
  const [token] = JSON.parse((await picket('join-keys', 'office', '--json')).stdout);
  await picket('withdraw', 'join-key', 'office', token.name);
  await picket('withdraw', 'host', 'office', 'web-1');
  const rows = await audit('office');
  expect(rows.map((row) => [row.act, row.subject])).toEqual([
    ['network.add', 'office'],
    ['join-token.add', token.name],
    ['host.enrol', host.id],
    ['block.add', source],
    ['block.lift', source],
    ['allow.add', source],
    ['allow.remove', source],
    ['network.mode', 'observe'],
    ['digest.send', expect.stringMatching(/^<.*>$/)],
    ['join-token.withdraw', token.name],
    ['host.withdraw', host.id],
  ]);
  const who = new Set(rows.map((row) => row.who));
  expect(who).toEqual(new Set([`ada@${hostname()}`, `host:${host.id}`]));
  expect((await picket('audit', 'office')).stdout).toMatch(/^AT +NETWORK +WHO +ACT +SUBJECT +DETAILS$/m);
});

test('what changes nothing is not in the log', async () => {
  await office('idle');
  const before = await audit('idle');
  await picket('unblock', 'idle', '203.0.113.9');
  await picket('disallow', 'idle', '203.0.113.9');
  await picket('block', 'idle', '127.0.0.1', '--reason', 'no');
  await picket('digest', 'send', 'idle');
  await picket('network', 'add', 'idle', '--mail', 'ops@example.org');
  expect(await audit('idle')).toEqual(before);
});

test('an act that fails leaves no trace in the log, and no act goes without one', async () => {
  const networkId = await testNetwork(database.sql);
  const act = database.sql.begin(async (tx) => {
    await recordAct(tx, { networkId, who: 'ada', act: 'block.add', subject: '203.0.113.9' });
    throw new Error('too late');
  });
  await expect(act).rejects.toThrow('too late');
  expect(await audit(networkId)).toHaveLength(1);
  await database.sql`alter table audit_entry add constraint never check (subject <> '203.0.113.66')`;
  const block = {
    networkId,
    source: '203.0.113.66',
    reason: 'r',
    author: 'ada',
    untilMs: Date.now() + 60_000,
  };
  await expect(blockSource(database.sql, { ...block, tier: 'held' }, Date.now())).rejects.toThrow(/never/);
  expect(await database.sql`select source from block where network_id = ${networkId}`).toEqual([]);
  await database.sql`alter table audit_entry drop constraint never`;
});

test('the log is of one network, or of all and the collector itself, and of the time asked for', async () => {
  await recordAct(database.sql, {
    networkId: undefined,
    who: 'collector',
    act: 'digest.send',
    subject: 'all',
  });
  const all = await audit();
  expect(new Set(all.map((row) => row.network)).size).toBeGreaterThan(2);
  expect(all.at(-1)).toMatchObject({ network: null, subject: 'all' });
  await database.sql`update audit_entry set at = at - interval '2 days' where subject = 'all'`;
  expect((await audit('--since', '1d')).some((row) => row.subject === 'all')).toBe(false);
});

test('a withdrawn host is refused from its next request on, at every replica, and its waiting one ends', async () => {
  const { networkId } = await office('away');
  const [one, two] = [await testCollector(database.sql), await testCollector(database.sql)];
  const host = await testHost(one, networkId, 'gone');
  const other = await testHost(one, networkId, 'stays');
  const list = await host.readList();
  const query = { since: list.version, epoch: list.epoch };
  const waiting = host.at(two.app).getList(query, { waitSeconds: 50 });
  await expect.poll(() => two.deps.watch.waitedFor()).toContain(networkId);
  expect((await picket('withdraw', 'host', 'away', 'gone')).stdout).toContain('is withdrawn');
  two.deps.watch.announce(networkId);
  await expectRefusal(await waiting, 403, 'access_denied', /withdrawn/);
  for (const { app } of [one, two]) {
    await expectRefusal(await host.at(app).pushSightings(sighting()), 400, 'access_denied', /withdrawn/);
    await expectRefusal(await host.at(app).getList(), 403, 'access_denied', /withdrawn/);
    expect((await other.at(app).getList()).status).toBe(200);
  }
  expect((await picket('withdraw', 'host', 'away', 'gone')).stderr).toContain('no host "gone" is in it');
});

test('a host that counts to the end of numbers hides nobody and can be withdrawn', async () => {
  const { networkId } = await office('loud');
  const host = await testHost(await testCollector(database.sql), networkId, 'liar');
  const most = Number.MAX_SAFE_INTEGER;
  const blockList = { version: 0, entries: 0, refused: {}, refusedLists: { digest: most, epoch: most } };
  await host.push({ 'urn:picket:event:status': testStatus({ blockList }) });
  expect(JSON.parse((await picket('hosts', 'loud', '--json')).stdout)).toMatchObject([
    { name: 'liar', listsRefused: most },
    { name: 'web-1', listsRefused: 0 },
  ]);
  expect((await picket('withdraw', 'host', 'loud', 'liar')).stdout).toContain('is withdrawn');
});

test('a withdrawn join key lets nobody in any more', async () => {
  const { join } = await office('closed');
  const [token] = JSON.parse((await picket('join-keys', 'closed', '--json')).stdout);
  expect(token).toMatchObject({ uses: 1, maxUses: 9, withdrawnAt: null });
  await picket('withdraw', 'join-key', 'closed', token.name);
  await expectRefusal((await join('late')).reply, 403, 'access_denied', /withdrawn/);
  const again = await picket('withdraw', 'join-key', 'closed', token.name);
  expect(again.stderr).toContain('no such join key to withdraw');
});
