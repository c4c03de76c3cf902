import type { Database } from '@picket/db';
import { testDatabase } from '@picket/db/testing';
import { EVENT, type Sighting } from '@picket/protocol';
import { v7 as uuid7 } from 'uuid';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type TestCollector, testCollector, testHost, testNetwork } from '../testing/collector.ts';
import type { TestHost } from '../testing/host.ts';
import { sighting, trippedSighting } from '../testing/sighting.ts';
import { testStatus } from '../testing/status.ts';
import { allowSource, unblockSource } from './manual.ts';
import { weigh } from './receive.ts';
import { storeSightings } from './sightings.ts';
import { lockSources } from './source-locks.ts';

let database: Database;
let collector: TestCollector;
let networkId: string;
let [one, two]: TestHost[] = [];

beforeAll(async () => {
  database = await testDatabase();
  collector = await testCollector(database.sql);
});
afterAll(() => database.close());
beforeEach(async () => {
  networkId = await testNetwork(database.sql);
  one = await testHost(collector, networkId, 'web-1');
  two = await testHost(collector, networkId, 'web-2');
});

const SOURCE = '198.51.100.7';

async function push(host: TestHost | undefined, ...sightings: Sighting[]): Promise<void> {
  expect((await host?.pushSightings(...sightings))?.status).toBe(202);
}

const listOf = () => one?.readList();

const rowsOf = (table: string) =>
  database.sql`select * from ${database.sql(table)} t where network_id = ${networkId} order by t::text`;

/** All that batches have written, to see that one more changed nothing. */
const everything = async () =>
  Promise.all(['received_batch', 'sighting', 'source_host', 'block', 'host'].map(rowsOf));

const sightingRow = async (id: string) => {
  const [row] =
    await database.sql`select rev, news_rev, techniques, ports, port_count from sighting where id = ${id}`;
  return row;
};

describe('a batch', () => {
  test('that comes again changes nothing, also when it comes many times at once', async () => {
    const token = await one?.eventToken({
      [EVENT.sightings]: { sightings: [trippedSighting()] },
      [EVENT.status]: testStatus(),
    });
    const post = async () => (await one?.pushToken(token ?? ''))?.status;
    expect(await Promise.all([post(), post(), post(), post()])).toEqual([202, 202, 202, 202]);
    const before = await everything();
    const version = (await listOf())?.version;
    expect(await post()).toBe(202);
    expect(await everything()).toEqual(before);
    expect((await listOf())?.version).toBe(version);
  });

  test('of one host does not hide a batch of the same name of another', async () => {
    const jti = uuid7();
    await one?.push({ [EVENT.sightings]: { sightings: [sighting()] } }, { claims: { jti } });
    await two?.push({ [EVENT.sightings]: { sightings: [sighting()] } }, { claims: { jti } });
    expect((await rowsOf('received_batch')).length).toBe(2);
  });

  test('may hold five hundred sightings, two revisions of one, and one source many times', async () => {
    const twice = sighting({ rev: 1 });
    const many = Array.from({ length: 498 }, (_, i) => sighting({ source: `198.51.100.${i % 200}` }));
    await push(one, ...many, { ...twice, rev: 2, portCount: 7 }, twice);
    expect(await sightingRow(twice.id)).toMatchObject({ rev: 2, port_count: 7 });
    expect((await rowsOf('sighting')).length).toBe(499);
  });
});

describe('a revision of a sighting', () => {
  test('replaces a lower one and never a higher one, whatever comes first', async () => {
    const first = sighting({ rev: 1, techniques: { syn: 1 } });
    const second = { ...first, rev: 2, techniques: { syn: 5 }, portCount: 5 };
    await push(one, second);
    await push(one, first);
    expect(await sightingRow(first.id)).toMatchObject({ rev: 2, techniques: 'syn=5', port_count: 5 });
  });

  test('is news when ports, techniques, the trip or the begin of a block change, and not for counts', async () => {
    const seen = sighting();
    const steps: [Partial<Sighting>, number][] = [
      [{}, 1],
      [{ techniques: { syn: 9 }, portCount: 3, lastAtMs: seen.lastAtMs + 500, successes: 2 }, 1],
      [{ techniques: { syn: 9, fin: 1 } }, 3],
      [{ ports: { tcp: [[23, 25]] } }, 4],
      [{ trip: { atMs: seen.lastAtMs } }, 5],
      [{ block: blocked(seen.lastAtMs, 0) }, 6],
      [{ block: blocked(seen.lastAtMs, 99) }, 6],
      [{ block: blocked(seen.lastAtMs + 1, 99) }, 8],
    ];
    let state = seen;
    for (const [index, [change, newsRev]] of steps.entries()) {
      state = { ...state, ...change, rev: index + 1 };
      await push(one, state);
      expect(await sightingRow(seen.id), `step ${index}`).toMatchObject({
        rev: index + 1,
        news_rev: newsRev,
      });
    }
  });

  const blocked = (atMs: number, droppedPackets: number): NonNullable<Sighting['block']> => ({
    ...{ atMs, untilMs: atMs + 60_000, tier: 'held', engine: 'kernel', backend: 'nftables' },
    ...{ enforced: true, droppedPackets },
  });
});

describe('a source', () => {
  test('that any host knows as a client is shared on proof of its address only', async () => {
    await push(two, sighting({ successes: 3 }));
    await push(one, trippedSighting());
    await push(two, trippedSighting());
    expect((await listOf())?.add).toEqual([]);
    await push(one, trippedSighting({ evidence: 'handshake' }));
    expect((await listOf())?.add).toHaveLength(1);
  });

  test('that was shared before a host knew it as a client is let go', async () => {
    await push(one, trippedSighting());
    expect((await listOf())?.add).toHaveLength(1);
    await push(two, trippedSighting({ successes: 1 }));
    expect((await listOf())?.add).toEqual([]);
  });

  test('that tripped on one host is shared, once, with words that say why', async () => {
    await push(one, trippedSighting());
    await push(one, trippedSighting());
    const list = await listOf();
    expect(list?.version).toBe(1);
    expect(list?.add).toEqual([[SOURCE, expect.any(Number), 'held', 'tripped on web-1; ports tcp 21,23,25']]);
  });

  test('that proved its address is dropped', async () => {
    await push(one, trippedSighting({ evidence: 'handshake' }));
    expect((await listOf())?.add[0]?.[2]).toBe('dropped');
  });

  test('that probed two hosts at the very same time is shared', async () => {
    for (let i = 0; i < 10; i++) {
      const source = `198.51.100.${i}`;
      await Promise.all([push(one, sighting({ source })), push(two, sighting({ source }))]);
    }
    const list = await listOf();
    expect(list?.add.map(([source]) => source).sort()).toEqual(
      Array.from({ length: 10 }, (_, i) => `198.51.100.${i}`),
    );
    expect(list?.add[0]?.[3]).toBe('probed web-1 and web-2; ports tcp 23');
  });

  test('that a second host reports before the first report is committed is judged with both', async () => {
    const { sql } = database;
    await push(one, sighting({ firstAtMs: 1, lastAtMs: 2 }));
    let second: Promise<void> | undefined;
    await sql.begin(async (tx) => {
      await lockSources(tx, [{ networkId, source: SOURCE }]);
      await storeSightings(tx, [{ networkId, hostId: one?.id ?? '', sightings: [sighting()] }], Date.now());
      second = push(two, sighting());
      await expect.poll(countLockWaits).toBe(1);
    });
    await second;
    expect((await listOf())?.add).toHaveLength(1);
  });

  const countLockWaits = async () => {
    const waits = await database.sql`
      select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    return waits.length;
  };

  test('is not shared when it is an address of a host of the network', async () => {
    await two?.push({ [EVENT.status]: testStatus({ addresses: [SOURCE] }) });
    await push(one, trippedSighting());
    expect((await listOf())?.add).toEqual([]);
  });

  test('is let go when a host takes its address and it tripped nowhere else, on the whole list at once', async () => {
    await push(one, sighting());
    await push(two, trippedSighting());
    await two?.push({ [EVENT.status]: testStatus({ addresses: [SOURCE] }) });
    expect(await listOf()).toMatchObject({ version: 2, add: [], allow: [SOURCE] });
  });

  test('is not shared when it is allowed', async () => {
    const entry = { networkId, source: '198.51.100.0/24', reason: 'ours', author: 'alice' };
    await allowSource(database.sql, entry, Date.now());
    await push(one, trippedSighting());
    expect(await listOf()).toMatchObject({ version: 1, add: [], allow: ['198.51.100.0/24'] });
  });

  test('that no host could block, being a whole network, is not shared', async () => {
    const wide = { source: '198.51.100.0/24', address: SOURCE };
    await push(one, trippedSighting(wide));
    await push(two, trippedSighting(wide));
    expect(await listOf()).toMatchObject({ version: 0, add: [] });
  });

  test('that a person unblocked is not blocked by old evidence, and is by new', async () => {
    const seen = trippedSighting();
    await push(one, seen);
    await unblockSource(database.sql, { networkId, source: SOURCE }, Date.now());
    await push(one, { ...seen, rev: 2, portCount: 9 });
    await push(two, trippedSighting());
    expect(await listOf()).toMatchObject({ version: 2, add: [] });
    await expect.poll(() => Date.now()).toBeGreaterThan(seen.lastAtMs + 1000);
    await push(two, trippedSighting({ lastAtMs: Date.now(), trip: { atMs: Date.now() } }));
    expect((await listOf())?.add).toHaveLength(1);
    const [row] = await rowsOf('block');
    expect(row?.times).toBe(2);
  });

  test('is let go when the one host that tripped takes its word back', async () => {
    await push(one, trippedSighting());
    const unblocks = [{ source: SOURCE, atMs: Date.now(), reason: 'lifted by hand' }];
    expect((await one?.push({ [EVENT.unblock]: { unblocks } }))?.status).toBe(202);
    expect(await listOf()).toMatchObject({ version: 2, add: [] });
  });

  test('stays when a host takes back what another said too', async () => {
    await push(one, trippedSighting());
    await push(two, trippedSighting());
    await one?.push({ [EVENT.unblock]: { unblocks: [{ source: SOURCE, atMs: Date.now(), reason: 'x' }] } });
    expect((await listOf())?.add).toHaveLength(1);
  });

  test('of a host whose clock is ahead makes no evidence that never ends', async () => {
    const aheadMs = Date.now() + 30 * 86_400_000;
    await push(one, trippedSighting({ firstAtMs: aheadMs, lastAtMs: aheadMs, trip: { atMs: aheadMs } }));
    const [, untilMs] = (await listOf())?.add[0] ?? [];
    expect(untilMs).toBeLessThan(Date.now() + 5 * 3_600_000);
  });
});

describe('a status', () => {
  const statusOf = async () => {
    const [row] = await database.sql`select status, agent_version from host where id = ${one?.id ?? ''}`;
    return row;
  };

  test('that is late does not replace a newer one', async () => {
    const nowMs = Date.now();
    await one?.push({ [EVENT.status]: testStatus({ nowMs, agentVersion: '2.0.0' }) });
    await one?.push({ [EVENT.status]: testStatus({ nowMs: nowMs - 1, agentVersion: '1.0.0' }) });
    expect(await statusOf()).toMatchObject({ agent_version: '2.0.0', status: { nowMs } });
  });

  test('replaces one of a clock that was ahead', async () => {
    await one?.push({ [EVENT.status]: testStatus({ nowMs: Date.now() + 3_600_000, engine: 'old' }) });
    await one?.push({ [EVENT.status]: testStatus({ engine: 'new' }) });
    expect((await statusOf())?.status).toMatchObject({ engine: 'new' });
  });
});

test('a batch weighs as many rows as it is about, whatever their kind, and at least one', () => {
  const unblock = { source: SOURCE, atMs: 1, reason: 'x' };
  expect(weigh({ events: {} })).toBe(1);
  expect(weigh({ events: { [EVENT.sightings]: { sightings: [] } } })).toBe(1);
  const sightings = { sightings: [sighting(), sighting()] };
  expect(
    weigh({
      events: { [EVENT.sightings]: sightings, [EVENT.unblock]: { unblocks: Array(500).fill(unblock) } },
    }),
  ).toBe(502);
});
