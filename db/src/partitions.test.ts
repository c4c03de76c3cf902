import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from './connect.ts';
import type { Database } from './open-database.ts';
import {
  dayPartition,
  leastUuid7,
  MIN_RETENTION_MS,
  maintainPartitions,
  planPartitions,
  RETENTION_MS,
} from './partitions.ts';
import { testDatabase } from './testing.ts';

const DAY_MS = 86_400_000;
const NOON_MS = Date.UTC(2026, 10, 23, 12);
const [NETWORK, HOST] = ['01932e00-0000-7000-8000-000000000001', '01932e00-0000-7000-8000-000000000002'];

/** A UUIDv7 made at the time, with a tail that tells it from others. */
const uuid7At = (ms: number, tail = '7abc-8000-000000000000') => `${leastUuid7(ms).slice(0, 14)}${tail}`;

describe('the plan', () => {
  it('bounds a partition by the first millisecond of its UTC day and of the next', () => {
    expect(dayPartition('received_batch', NOON_MS)).toEqual({
      table: 'received_batch_20261123',
      from: leastUuid7(Date.UTC(2026, 10, 23)),
      to: leastUuid7(Date.UTC(2026, 10, 24)),
    });
  });

  it('covers the retention and the coming week on an empty database', () => {
    const { make, drop } = planPartitions('received_batch', [], {
      nowMs: NOON_MS,
      retentionMs: RETENTION_MS,
    });
    expect(make).toHaveLength(31 + 1 + 7);
    expect(make.at(-1)?.table).toBe('received_batch_20261023');
    expect(make[0]?.table).toBe('received_batch_20261130');
    expect(drop).toEqual([]);
  });

  it('drops a day only when its last millisecond is past the retention', () => {
    const policy = { retentionMs: DAY_MS, aheadDays: 0 };
    const existing = ['received_batch_20261121', 'received_batch_20261122', 'received_batch_old_backup'];
    const { drop } = planPartitions('received_batch', existing, { ...policy, nowMs: Date.UTC(2026, 10, 23) });
    expect(drop).toEqual(['received_batch_20261121']);
  });
});

describe('in PostgreSQL', () => {
  let db: Database;
  beforeAll(async () => {
    db = await testDatabase();
  });
  afterAll(() => db.close());

  const store = (jti: string) => db.sql`
    insert into received_batch (network_id, host_id, jti, packed) values (${NETWORK}, ${HOST}, ${jti}, '\\x00')
    on conflict do nothing returning jti`;

  it('takes a batch of today, of 20 days ago and of the oldest day allowed, each once', async () => {
    for (const ageMs of [0, 20 * DAY_MS, MIN_RETENTION_MS]) {
      const jti = uuid7At(Date.now() - ageMs);
      expect(await store(jti)).toHaveLength(1);
      expect(await store(jti)).toHaveLength(0);
    }
  });

  it('files a batch by the day in its id', async () => {
    const startMs = Math.floor(Date.now() / DAY_MS) * DAY_MS;
    for (const ms of [startMs - 1, startMs, startMs + DAY_MS - 1]) {
      const jti = uuid7At(ms, '7fff-bfff-ffffffffffff');
      await store(jti);
      const [row] =
        await db.sql`select tableoid::regclass::text as "table" from received_batch where jti = ${jti}`;
      expect(row?.table).toBe(dayPartition('received_batch', ms).table);
    }
  });

  it('drops days past the retention and makes new ones as time goes by', async () => {
    const laterMs = Date.now() + 5 * DAY_MS;
    const { made, dropped } = await maintainPartitions(db.sql, {
      nowMs: laterMs,
      retentionMs: MIN_RETENTION_MS,
    });
    expect(made).toHaveLength(2 * 5);
    expect(dropped).toHaveLength(2 * 5);
    expect(await maintainPartitions(db.sql, { nowMs: laterMs, retentionMs: MIN_RETENTION_MS })).toEqual({
      ...{ made: [], dropped: [], untold: 0 },
    });
  });

  const see = (id: string, lastMs: number) => db.sql`
    insert into sighting (network_id, host_no, id, rev, news_rev, source, address, local_address, techniques, ports, port_count,
      successes, first_at, last_at, is_proven)
    values (${NETWORK}, 1, ${id}, 2, 2, '198.51.100.7', '198.51.100.7', '192.0.2.1', 'syn=1', 'tcp:23', 1, 0,
      ${new Date(lastMs)}, ${new Date(lastMs)}, false)`;

  it('keeps a sighting that goes on when its day is dropped, and counts those that nobody was told of', async () => {
    const [atMs, laterMs] = [Date.now(), Date.now() + 20 * DAY_MS];
    const [over, goesOn] = [uuid7At(atMs), uuid7At(atMs, '7abc-8000-000000000001')];
    await see(over, atMs);
    await see(goesOn, laterMs);
    const done = await maintainPartitions(db.sql, { nowMs: laterMs, retentionMs: 10 * DAY_MS });
    expect(done.untold).toBe(1);
    expect(await db.sql`select id, rev from sighting`).toEqual([{ id: goesOn, rev: 2 }]);
  });

  it('leaves a day that somebody keeps locked to the next run', async () => {
    const laterMs = Date.now() + 30 * DAY_MS;
    await maintainPartitions(db.sql, { nowMs: laterMs, retentionMs: RETENTION_MS });
    const other = connect(db.url, { max: 1 });
    const locked = await other.begin(async (tx) => {
      await tx`lock table sighting in access share mode`;
      return maintainPartitions(db.sql, { nowMs: laterMs, retentionMs: 10 * DAY_MS });
    });
    await other.end();
    expect(locked.dropped.filter((name) => name.startsWith('sighting_'))).toEqual([]);
    const { dropped } = await maintainPartitions(db.sql, { nowMs: laterMs, retentionMs: 10 * DAY_MS });
    expect(dropped.filter((name) => name.startsWith('sighting_')).length).toBeGreaterThan(0);
  });

  it('is safe when replicas run it at once', async () => {
    const nowMs = Date.now() + 40 * DAY_MS;
    const replicas = [1, 2, 3].map(() => connect(db.url, { max: 1 }));
    const done = await Promise.all(
      replicas.map((sql) => maintainPartitions(sql, { nowMs, retentionMs: RETENTION_MS })),
    );
    await Promise.all(replicas.map((sql) => sql.end()));
    const made = done.flatMap((each) => each.made);
    expect(made.length).toBeGreaterThan(0);
    expect(new Set(made).size).toBe(made.length);
  });
});
