import { connect, type Database } from '@picket/db';
import { testDatabase } from '@picket/db/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLimiter } from './limiter.ts';
import { COST, createLimits } from './limits.ts';

let database: Database;

beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.close());

const ALLOWANCE = { name: 'test', points: 5, seconds: 60 };
const spendAll = async (limiter: ReturnType<typeof createLimiter>, key: string) => {
  for (let spent = 0; spent < ALLOWANCE.points; spent++) expect(await limiter.spend(key)).toBe(undefined);
};

describe.each([
  ['in memory', () => undefined],
  ['in PostgreSQL', () => database.sql],
])('a limiter %s', (_, sql) => {
  test('lets an allowance pass and says when there is more', async () => {
    const limiter = createLimiter(ALLOWANCE, sql());
    await spendAll(limiter, 'a');
    expect(await limiter.spend('a')).toSatisfy((ms: number) => ms > 0 && ms <= 60_000);
    expect(await limiter.spend('b', 5)).toBe(undefined);
    expect(await limiter.spend('b')).toBeGreaterThan(0);
  });

  test('gives everything back when the window has passed', async () => {
    const limiter = createLimiter({ name: 'short', points: 1, seconds: 0.2 }, sql());
    await limiter.spend('a');
    await expect.poll(() => limiter.spend('a'), { timeout: 10_000 }).toBe(undefined);
  });
});

test('replicas on one database share what was spent', async () => {
  const [one, two] = [0, 1].map(() => createLimiter({ ...ALLOWANCE, name: 'shared' }, database.sql));
  if (one === undefined || two === undefined) throw new Error('two limiters');
  await spendAll(one, 'a');
  expect(await two.spend('a')).toBeGreaterThan(0);
});

test('a limiter goes on by itself when its database is away', async () => {
  const away = connect('postgresql://127.0.0.1:1/none', { connectTimeoutSeconds: 1 });
  const limiter = createLimiter({ ...ALLOWANCE, name: 'away' }, away);
  await spendAll(limiter, 'a');
  expect(await limiter.spend('a')).toBeGreaterThan(0);
  await away.end();
});

describe('an address', () => {
  const limitsAt = (clock: { ms: number }) => createLimits({ sql: undefined, nowMs: () => clock.ms });
  const settle = () => new Promise((resolve) => setImmediate(resolve));

  test('of IPv6 is told to wait too when its /48 spends as much as sixteen, from however many /64', async () => {
    const limits = limitsAt({ ms: Date.now() });
    for (let bad = 0; bad < 16 * 300; bad++)
      limits.charge(`2001:db8:1:${(bad % 4_000).toString(16)}::/64`, COST.stranger);
    await settle();
    expect(limits.waitOf('2001:db8:1:ffff::/64')).toBe(undefined);
    limits.charge('2001:db8:1:fff::/64', COST.stranger);
    await settle();
    expect(limits.waitOf('2001:db8:1:ffff::/64')).toBeGreaterThan(0);
    expect(limits.waitOf('2001:db8:2:ffff::/64')).toBe(undefined);
  });

  test('is told to wait after 300 bad requests, for a minute, and others are not', async () => {
    const clock = { ms: Date.now() };
    const limits = limitsAt(clock);
    for (let bad = 0; bad < 300; bad++) limits.charge('192.0.2.1', COST.stranger);
    await settle();
    expect(limits.waitOf('192.0.2.1')).toBe(undefined);
    limits.charge('192.0.2.1', COST.stranger);
    await settle();
    expect(limits.waitOf('192.0.2.1')).toSatisfy((wait: number) => wait >= 1 && wait <= 60);
    expect(limits.waitOf('192.0.2.2')).toBe(undefined);
    expect(limits.waitOf(undefined)).toBe(undefined);
    clock.ms += 61_000;
    expect(limits.waitOf('192.0.2.1')).toBe(undefined);
  });

  test('is not listened to any more once it was told two hundred times', async () => {
    const limits = limitsAt({ ms: Date.now() });
    limits.charge('192.0.2.1', 3_001);
    await settle();
    for (let told = 0; told < 200; told++) {
      expect(limits.isDeaf('192.0.2.1')).toBe(false);
      limits.waitOf('192.0.2.1');
    }
    expect(limits.isDeaf('192.0.2.1')).toBe(true);
  });
});
