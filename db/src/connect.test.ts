import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from './connect.ts';
import type { Database } from './open-database.ts';
import * as schema from './schema.ts';
import { testDatabase } from './testing.ts';

let db: Database;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db.close());

describe('the types of a client', () => {
  it('reads an instant as a Date, to the millisecond', async () => {
    const at = new Date('2026-11-23T12:34:56.789Z');
    const [row] = await db.sql<{ at: Date }[]>`select ${at}::timestamptz(3) as at`;
    expect(row?.at).toEqual(at);
  });

  it('reads a bigint as a number and refuses one that would lose digits', async () => {
    expect(await db.sql`select 9007199254740991::int8 as n`).toEqual([{ n: Number.MAX_SAFE_INTEGER }]);
    await expect(db.sql`select 9007199254740992::int8 as n`).rejects.toThrow(/no safe integer/);
    expect(await db.sql`select 1 as still_there`).toHaveLength(1);
  });

  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['192.0.2.0/24', '192.0.2.0/24'],
    ['2001:db8::/64', '2001:db8::/64'],
    ['2001:db8::1', '2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['::102:304', '::102:304'],
  ])('reads the cidr %s in the text of the wire', async (given, read) => {
    expect(await db.sql`select ${given}::cidr as c, ${[given]}::cidr[] as cs`).toEqual([
      { c: read, cs: [read] },
    ]);
  });

  it('reads an inet, alone and in an array, in the text of the wire', async () => {
    const addresses = ['192.0.2.1', '2001:db8::1', '::102:304'];
    const [row] = await db.sql`select ${addresses}::inet[] as all, ${'::102:304'}::inet as one`;
    expect(row).toEqual({ all: addresses, one: '::102:304' });
  });
});

describe('the limits of a client', () => {
  it('end a statement that runs too long', async () => {
    const sql = connect(db.url, { max: 1, statementTimeoutMs: 50 });
    await expect(sql`select pg_sleep(10)`).rejects.toMatchObject({ code: '57014' });
    await sql.end();
  });

  it('show the program by name', async () => {
    const sql = connect(db.url, { max: 1, applicationName: 'picket digest' });
    expect(await sql`select current_setting('application_name') as name`).toEqual([
      { name: 'picket digest' },
    ]);
    await sql.end();
  });

  it('report a server that is not there within the time given', async () => {
    const sql = connect('postgresql://picket@127.0.0.1:1/picket', { max: 1, connectTimeoutSeconds: 2 });
    await expect(sql`select 1`).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await sql.end({ timeout: 0 });
  });
});

describe('drizzle', () => {
  it('reads and writes the schema, without changing how the other client reads', async () => {
    const id = '01932e00-0000-7000-8000-000000000001';
    await db.drizzle
      .insert(schema.network)
      .values({ id, name: 'lan', recipients: ['a@b.example'], listEpoch: id });
    const [row] = await db.drizzle.select().from(schema.network);
    expect(row).toMatchObject({ id, name: 'lan', recipients: ['a@b.example'], listVersion: 0 });
    expect(row?.createdAt).toBeInstanceOf(Date);
    const [raw] = await db.sql`select created_at, list_version from network`;
    expect(raw).toEqual({ created_at: row?.createdAt, list_version: 0 });
  });
});
