import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkLockRoom, refuseLittleRoom } from './lock-room.ts';
import type { Database } from './open-database.ts';
import { DAY_TABLES, dayPartition } from './partitions.ts';
import { testDatabase } from './testing.ts';

const DAY_MS = 86_400_000;

let database: Database;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.close());

test('what PostgreSQL and the private server have by default is enough for the default retention', async () => {
  await checkLockRoom(database.sql, 90 * DAY_MS);
  for (const transactions of [50, 100]) refuseLittleRoom({ perTransaction: 64, transactions }, 90 * DAY_MS);
});

test('a retention that the table of locks has no room for is refused, with what would do', () => {
  const room = { perTransaction: 64, transactions: 100 };
  expect(() => refuseLittleRoom(room, 3_653 * DAY_MS)).toThrow(
    /retention of 3653 days needs max_locks_per_transaction = 733 or more .* where it is 64; .* may be 311d at most/,
  );
  refuseLittleRoom({ ...room, perTransaction: 733 }, 3_653 * DAY_MS);
  refuseLittleRoom(room, 311 * DAY_MS);
  expect(() => refuseLittleRoom(room, 312 * DAY_MS)).toThrow();
});

test('a query over all days holds no more locks for a day than are reckoned with', async () => {
  const locks = await database.sql.begin(async (tx) => {
    for (const table of DAY_TABLES) await tx.unsafe(`select count(*) from ${table}`);
    const today = DAY_TABLES.map((table) => dayPartition(table, Date.now()).table);
    return tx<{ count: number }[]>`
      select count(distinct l.relation)::int as count from pg_locks l
      where pid = pg_backend_pid() and l.relation in (
        select oid from pg_class where relname = any(${today}::text[])
        union all select indexrelid from pg_index i join pg_class c on c.oid = i.indrelid where relname = any(${today}::text[]))`;
  });
  expect(locks[0]?.count).toBe(5);
});
