import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect, type Sql } from './connect.ts';
import { migrate, migrationsFolder } from './migrate.ts';
import { dayPartition, leastUuid7, maintainPartitions, RETENTION_MS } from './partitions.ts';
import { dropTestDatabase, withDatabase } from './testing/databases.ts';
import { testServer } from './testing.ts';

const BEFORE = 4;
const NETWORK = '01932e00-0000-7000-8000-000000000001';
const HOST = '01932e00-0000-7000-8000-000000000002';
const nowMs = Date.now();
const idOf = (ageDays: number) =>
  `${leastUuid7(nowMs - ageDays * 86_400_000).slice(0, 14)}7abc-8000-000000000000`;

let admin: Sql;
let sql: Sql;
const name = `picket_test_${Date.now()}_compact`;

/** A database of the release before, with rows of its form; then migrated. */
beforeAll(async () => {
  const server = await testServer();
  admin = connect(server, { max: 1 });
  await admin`create database ${admin(name)}`;
  const url = withDatabase(server, name);
  sql = connect(url, { max: 1 });
  const folder = mkdtempSync(join(tmpdir(), 'picket-migrations-'));
  cpSync(migrationsFolder(), folder, { recursive: true });
  const journal = join(folder, 'meta/_journal.json');
  const { entries, ...rest } = JSON.parse(readFileSync(journal, 'utf8'));
  writeFileSync(journal, JSON.stringify({ ...rest, entries: entries.slice(0, BEFORE) }));
  await migrate(url, folder);
  rmSync(folder, { recursive: true });
  await fill();
  await migrate(url);
  await maintainPartitions(sql, { nowMs, retentionMs: RETENTION_MS });
});
afterAll(async () => {
  await sql.end();
  await dropTestDatabase(admin, name);
  await admin.end();
});

async function fill(): Promise<void> {
  await sql`insert into network (id, name, recipients, list_epoch) values (${NETWORK}, 'lan', '{a@b.example}', ${NETWORK})`;
  await sql`insert into host (network_id, id, name, os, arch, agent_version) values (${NETWORK}, ${HOST}, 'web', 'linux', 'x64', '1')`;
  const { table, from, to } = dayPartition('received_batch', nowMs - 86_400_000);
  await sql.unsafe(
    `create table ${table} partition of received_batch for values from ('${from}') to ('${to}')`,
  );
  await sql`insert into received_batch (network_id, host_id, jti, token) values (${NETWORK}, ${HOST}, ${idOf(1)}, 'e30.e30.c2ln')`;
  await sql`insert into source (network_id, source, first_at, last_at, blocks) values (${NETWORK}, '198.51.100.7', now(), now(), 3)`;
  await sql`insert into source_host (network_id, source, host_id, first_at, last_at) values (${NETWORK}, '198.51.100.7', ${HOST}, now(), now())`;
  await sql`
    insert into block (network_id, source, tier, reason, author, until_at, version)
    values (${NETWORK}, '198.51.100.7', 'held', 'x', 'correlation', now(), 1)`;
  const block = {
    atMs: 1_000,
    untilMs: 2_500,
    tier: 'held',
    engine: 'kernel',
    backend: 'nftables',
    enforced: true,
    droppedPackets: 9,
  };
  for (const [ageDays, more] of [
    [1, block],
    [2_000, null],
  ] as const) {
    await sql`
      insert into sighting (network_id, host_id, id, rev, source, address, local_address, techniques, ports, port_count,
        first_at, last_at, evidence, successes, tripped_at, block, news_rev, told_rev)
      values (${NETWORK}, ${HOST}, ${idOf(ageDays)}, 4, '198.51.100.7', '198.51.100.7', '192.0.2.1',
        ${sql.json({ xmas: 1, syn: 3 })}, ${sql.json({
          udp: [[53, 53]],
          tcp: [
            [22, 22],
            [80, 82],
          ],
        })}, 9000000000,
        now(), now(), 'handshake', 1, now(), ${more === null ? null : sql.json(more)}, 3, 2)`;
  }
}

test('a sighting of the older form is the same in the compact one, in the partition of its day', async () => {
  const rows = await sql`
    select tableoid::regclass::text ~ '_[0-9]{8}$' as has_day, host_no, rev, news_rev, told_rev, port_count, successes,
      is_proven, techniques, ports, block_how, block_dropped, block_at, block_until from sighting order by id`;
  const same = {
    ...{
      host_no: 1,
      rev: 4,
      news_rev: 3,
      told_rev: 2,
      port_count: 2_147_483_647,
      successes: 1,
      is_proven: true,
    },
    ...{ techniques: 'syn=3 xmas=1', ports: 'tcp:22,80-82 udp:53' },
  };
  const none = { block_how: null, block_dropped: null, block_at: null, block_until: null };
  const block = {
    block_how: 'held kernel nftables enforced',
    block_dropped: 9,
    block_at: new Date(1_000),
    block_until: new Date(2_500),
  };
  expect(rows).toEqual([
    { ...same, ...none, has_day: false },
    { ...same, ...block, has_day: true },
  ]);
});

test('what else was stored is there: batches byte for byte, evidence of hosts, how often a source was blocked', async () => {
  const [batch] = await sql<{ packed: Uint8Array }[]>`select packed from received_batch`;
  expect(Buffer.from(batch?.packed ?? []).toString()).toBe('\0e30.e30.c2ln');
  expect(await sql`select host_id from source_host`).toEqual([{ host_id: HOST }]);
  expect(await sql`select times from block`).toEqual([{ times: 3 }]);
  expect(await sql`select last_host_no from network`).toEqual([{ last_host_no: 1 }]);
});

test('rows past the retention go, of tables without days too', async () => {
  const laterMs = nowMs + RETENTION_MS + 86_400_000;
  await maintainPartitions(sql, { nowMs: laterMs, retentionMs: RETENTION_MS });
  expect(await sql`select from sighting union all select from source_host`).toHaveLength(0);
  expect(await sql`select from block`).toHaveLength(1);
});
