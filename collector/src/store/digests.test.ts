import type { Database } from '@picket/db';
import { testDatabase } from '@picket/db/testing';
import { v7 as uuid7 } from 'uuid';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { News } from '../digest/facts.ts';
import { render } from '../digest/render.ts';
import { HOUR_MS, type Scene, scene } from '../digest/testing/scene.ts';
import { sighting, trippedSighting } from '../testing/sighting.ts';
import { claimDigest, previewFacts } from './digests.ts';
import type { Sql } from './sql.ts';

let database: Database;
let sql: Sql;

beforeAll(async () => {
  database = await testDatabase();
  sql = database.sql;
});

afterEach(() => sql`truncate network, sighting cascade`);

afterAll(() => database.close());

const from = (last: number) => ({ source: `198.51.100.${last}`, address: `198.51.100.${last}` });

const block = (over: object = {}) => ({
  atMs: Date.now(),
  untilMs: HOUR_MS + 600_000,
  tier: 'held' as const,
  engine: 'kernel',
  backend: 'nftables',
  enforced: true,
  droppedPackets: 10,
  ...over,
});

async function claim({ networkId }: Scene, hourMs = HOUR_MS): Promise<News | undefined> {
  const which = { networkId, hourMs, nowMs: hourMs, asked: false, messageId: `<${hourMs}@x>` };
  const lease = await claimDigest(sql, { ...which, leaseMs: 60_000 });
  return lease?.facts as News | undefined;
}

test('a source that tripped while no agent was looking is told, though nothing is known of its probes', async () => {
  const prod = await scene(sql);
  await prod.see(trippedSighting({ techniques: {}, ports: {}, portCount: 0, block: block() }), 0);
  const preview = await previewFacts(sql, prod.networkId, HOUR_MS);
  const { text } = render(preview, { atMs: HOUR_MS, attempt: 1 });
  expect(text).toContain('* 198.51.100.7: blocked on');
  expect(text).not.toMatch(/undefined|null|NaN/);
  const facts = await claim(prod);
  expect(facts?.scanners).toMatchObject([{ source: '198.51.100.7', techniques: [], probes: 0 }]);
});

test('a scanner is told with what each host saw, and totals over all hosts', async () => {
  const prod = await scene(sql);
  const seen = {
    techniques: { syn: 5, udp: 2 },
    ports: { tcp: [[1, 9] as [number, number]], udp: [[53, 53] as [number, number]] },
  };
  await prod.see(trippedSighting({ ...seen, portCount: 10, block: block() }), 0);
  await prod.see(sighting({ techniques: { syn: 1, xmas: 4 }, evidence: 'handshake' }), 1);
  const facts = await claim(prod);
  expect(facts?.totals).toMatchObject({
    scanners: 1,
    blocked: 1,
    hostsTouched: 2,
    probes: 12,
    droppedPackets: 10,
  });
  expect(facts?.scanners).toMatchObject([
    {
      source: '198.51.100.7',
      techniques: [
        ['syn', 6],
        ['xmas', 4],
        ['udp', 2],
      ],
      probes: 12,
      ports: 10,
      hosts: 2,
      trippedHosts: 1,
      evidence: 'handshake',
      sightings: [
        { host: 'host-1', tcp: [[1, 9]], udp: [[53, 53]], ports: 10, probes: 7, block: { enforced: true } },
        { host: 'host-2', tcp: [[23, 23]], probes: 5, trippedMs: null, block: null },
      ],
    },
  ]);
});

test('hosts refuse a scanner by their own block or by the version of the list they last reported', async () => {
  const prod = await scene(sql, { hosts: 5 });
  await prod.share({ source: '198.51.100.1' });
  await prod.confirm(0, 1);
  await prod.share({ source: '198.51.100.7' });
  await prod.confirm(2);
  await prod.see(trippedSighting({ block: block() }), 0);
  await prod.see(trippedSighting({ block: block() }), 2);
  await prod.see(trippedSighting({ block: block({ untilMs: HOUR_MS - 1 }) }), 3);
  await prod.see(trippedSighting({ block: block({ enforced: false }) }), 4);
  const facts = await claim(prod);
  expect(facts?.hosts).toBe(5);
  // Host 1 by its own block, host 3 by both; the block of host 4 has ended, host 5 only observes.
  expect(facts?.scanners).toMatchObject([{ hostsInForce: 2, observingHosts: 1, hosts: 4 }]);
  expect(facts?.totals).toMatchObject({
    blocked: 1,
    fewestInForce: 2,
    mostInForce: 2,
    untilMs: HOUR_MS + 3_600_000,
  });
});

test('a scanner that nobody blocks is told by the reason it is let pass', async () => {
  const prod = await scene(sql);
  await sql`update host set addresses = '{198.51.100.10}' where id = ${prod.hosts[2] ?? ''}`;
  await sql`
    insert into allow_entry (network_id, source, reason, author)
    values (${prod.networkId}, '198.51.100.8/31', 'monitoring', 'ada')`;
  await prod.see(trippedSighting(from(7)));
  await prod.see(trippedSighting(from(8)));
  await prod.see(trippedSighting({ ...from(9), block: block() }));
  await prod.see(trippedSighting(from(10)));
  await prod.see(trippedSighting({ ...from(11), block: block({ enforced: false }) }));
  const facts = await claim(prod);
  expect(facts?.totals).toMatchObject({
    scanners: 5,
    blocked: 1,
    allowed: 1,
    observed: 1,
    unblocked: 1,
    ownHosts: 1,
  });
  const told = facts?.scanners.map(({ source, allowed, ownHost }) => [source, allowed, ownHost]);
  expect(told?.sort()).toEqual([
    ['198.51.100.10', null, 'host-3'],
    ['198.51.100.11', null, null],
    ['198.51.100.7', null, null],
    ['198.51.100.8', 'monitoring', null],
    ['198.51.100.9', null, null],
  ]);
  expect(facts?.scanners.at(-1)?.source).toBe('198.51.100.9');
});

test('a neighbour inside a /64 that a person blocked is blocked', async () => {
  const prod = await scene(sql);
  await prod.share({ source: '2001:db8::/64', author: 'ada', reason: 'abuse' });
  await prod.confirm(0, 1);
  await prod.see(trippedSighting({ source: '2001:db8::7', address: '2001:db8::7' }));
  await prod.see(sighting({ source: '2001:db8::8', address: '2001:db8::8' }));
  await prod.see(trippedSighting({ source: '2001:db8:0:1::7', address: '2001:db8:0:1::7' }));
  const facts = await claim(prod);
  const told = facts?.scanners.map(({ source, hostsInForce, shared }) => [
    source,
    hostsInForce,
    shared?.source,
  ]);
  expect(told?.sort()).toEqual([
    ['2001:db8:0:1::7', 0, undefined],
    ['2001:db8::7', 2, '2001:db8::/64'],
  ]);
  expect(facts?.below).toEqual({ sources: 1, probes: 1, hosts: 1 });
});

test('IPv6 sources are told in canonical text', async () => {
  const prod = await scene(sql);
  await prod.see(trippedSighting({ source: '2001:db8:0:1::/64', address: '2001:db8:0:1::5' }));
  expect((await claim(prod))?.scanners).toMatchObject([
    { source: '2001:db8:0:1::/64', address: '2001:db8:0:1::5' },
  ]);
});

test('a block that ended before is not taken for the block of a new sighting', async () => {
  const prod = await scene(sql);
  await prod.share({ source: '198.51.100.7', untilMs: Date.now() - 3_600_000 });
  await prod.see(trippedSighting());
  expect((await claim(prod))?.scanners).toMatchObject([{ shared: null }]);
});

test('blocks that people made are told once, those lifted early are counted', async () => {
  const prod = await scene(sql);
  await prod.share({ source: '198.51.100.7', author: 'ada', reason: 'abuse' });
  await prod.share({ source: '198.51.100.8', author: 'bob', reason: 'mistake' });
  await prod.confirm(0);
  const first = await claim(prod);
  expect(first?.people).toMatchObject({
    added: 2,
    lifted: 0,
    blocks: [{ author: 'bob' }, { author: 'ada', hostsInForce: 1 }],
  });
  await sql`
    update block set removed_at = now(), version = version + 10
    where network_id = ${prod.networkId} and source = '198.51.100.8'`;
  await sql`update network set list_version = list_version + 20 where id = ${prod.networkId}`;
  expect(await claim(prod, HOUR_MS + 1)).toBeUndefined();
  await prod.see(trippedSighting(from(9)));
  expect((await claim(prod, HOUR_MS + 2))?.people).toEqual({ added: 0, lifted: 1, blocks: [] });
});

test('a claim with nothing to tell leaves no trace', async () => {
  const prod = await scene(sql);
  await prod.see(sighting());
  expect(await claim(prod)).toBeUndefined();
  expect(await sql`select from digest`).toHaveLength(0);
  expect(await sql`select from sighting where told_rev > 0`).toHaveLength(0);
});

test('a scanner told before is told again when there is news of it, and marked so', async () => {
  const prod = await scene(sql);
  const first = trippedSighting();
  await prod.see(first);
  expect((await claim(prod))?.scanners).toMatchObject([{ again: false }]);
  await prod.see({ ...first, rev: 2, techniques: { syn: 99 } });
  expect(await claim(prod, HOUR_MS + 1)).toBeUndefined();
  await prod.see({ ...first, rev: 3, techniques: { syn: 99, xmas: 1 } });
  expect((await claim(prod, HOUR_MS + 2))?.scanners).toMatchObject([{ again: true, probes: 100 }]);
});

test('a sighting that changes while it is claimed is told as it is after the change', async () => {
  const prod = await scene(sql);
  const first = trippedSighting();
  await prod.see(first);
  let claimed: Promise<News | undefined> | undefined;
  await sql.begin(async (tx) => {
    await tx`update sighting set rev = 2, news_rev = 2, techniques = 'syn=70' where id = ${first.id}`;
    claimed = claim(prod);
    await waitForLock();
  });
  expect((await claimed)?.scanners).toMatchObject([{ probes: 70 }]);
  expect(await sql`select told_rev from sighting`).toEqual([{ told_rev: 2 }]);
});

test('with batches that commit late and claims side by side each sighting is told in exactly one mail', async () => {
  const prod = await scene(sql, { hosts: 4 });
  const told: (News | undefined)[] = [];
  const writing = Array.from({ length: 4 }, async (_, host) => {
    for (let i = 0; i < 15; i++) {
      await sql.begin(async (tx) => {
        await tx`select pg_sleep(${(i % 4) * 0.005})`;
        await tx`
          insert into sighting (network_id, host_no, id, rev, source, address, local_address, techniques, ports,
            port_count, first_at, last_at, is_proven, successes, tripped_at, news_rev)
          values (${prod.networkId}, ${host + 1}, ${uuid7()}, 1, '198.51.100.7', '198.51.100.7',
            '192.0.2.1', 'syn=1', '', 1, now(), now(), false, 0, now(), 1)`;
      });
    }
  });
  let isWriting = true;
  const claiming = [0, 1].map(async (side) => {
    for (let i = 0; isWriting; i++) told.push(await claim(prod, HOUR_MS + 1 + 2 * i + side));
  });
  await Promise.all(writing);
  isWriting = false;
  await Promise.all(claiming);
  told.push(await claim(prod, HOUR_MS + 3_000_000));
  const probes = told.reduce((sum, news) => sum + (news?.totals.probes ?? 0), 0);
  expect(probes).toBe(60);
});

test('of 100,000 untold sightings a bounded part is read, and the totals are right', async () => {
  const prod = await scene(sql);
  await sql`
    insert into sighting (network_id, host_no, id, rev, source, address, local_address, techniques, ports, port_count,
      first_at, last_at, is_proven, successes, tripped_at, news_rev)
    select ${prod.networkId}, 1 + i % 3, gen_random_uuid(), 1, a, a, '192.0.2.1', 'syn=3', 'tcp:1-9', 9, now(), now(),
      false, 0, case when i % 2 = 0 then now() end, 1
    from generate_series(0, 99999) i cross join lateral (select '10.0.0.0'::inet + i / 2 * 4 + i % 2 as a) address`;
  const preview = await previewFacts(sql, prod.networkId, HOUR_MS);
  expect(preview.totals).toMatchObject({
    scanners: 50_000,
    unblocked: 50_000,
    hostsTouched: 3,
    probes: 150_000,
  });
  expect(preview.below).toEqual({ sources: 50_000, probes: 150_000, hosts: 3 });
  expect(await claim(prod)).toEqual({ ...preview, hourMs: HOUR_MS, asked: false });
  expect(await sql`select from sighting where told_rev < news_rev limit 1`).toHaveLength(0);
  expect(JSON.stringify(preview).length).toBeLessThan(60_000);
  const { text, html } = render(preview, { atMs: HOUR_MS, attempt: 1 });
  expect(text.length + html.length).toBeLessThan(95_000);
}, 120_000);

test('counts that a hostile host made up cannot keep the mail from being made', async () => {
  const prod = await scene(sql);
  const most = { techniques: { syn: Number.MAX_SAFE_INTEGER }, portCount: Number.MAX_SAFE_INTEGER };
  const dropped = { block: block({ droppedPackets: Number.MAX_SAFE_INTEGER }) };
  for (let host = 0; host < 3; host++) await prod.see(trippedSighting({ ...most, ...dropped }), host);
  expect((await claim(prod))?.totals.probes).toBe(3 * Number.MAX_SAFE_INTEGER);
});

/** Waits until a statement waits for a lock of another. */
async function waitForLock(): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (Date.now() < deadline) {
    const waiting = await sql`
      select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    if (waiting.length > 0) return;
  }
  throw new Error('no statement came to wait for a lock');
}
