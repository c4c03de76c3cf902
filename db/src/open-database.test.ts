import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLog as log } from './log.ts';
import { type Database, openDatabase } from './open-database.ts';
import { network } from './schema.ts';
import { testFolder } from './testing/run-folder.ts';
import { testDatabase } from './testing.ts';

let given: Database;
const dataDir = testFolder();
beforeAll(async () => {
  given = await testDatabase();
});
afterAll(async () => {
  await given.close();
  rmSync(dataDir, { recursive: true, force: true });
});

describe('opening the database', () => {
  it('uses the server it is given and starts none', async () => {
    const database = await openDatabase({
      url: given.url,
      dataDir,
      log,
      applicationName: 'picket-collector',
    });
    const [row] =
      await database.sql`select current_setting('application_name') as name, count(*) as n from network`;
    expect(row).toEqual({ name: 'picket-collector', n: 0 });
    await database.close();
    expect(existsSync(join(dataDir, 'postgres'))).toBe(false);
  });

  it('rejects when the server it is given is not there', async () => {
    const url = 'postgresql://picket@127.0.0.1:1/picket';
    await expect(openDatabase({ url, dataDir, log })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('otherwise makes a private one, ready for a batch, and shares it with a command', async () => {
    const collector = await openDatabase({ dataDir, log });
    const command = await openDatabase({ dataDir, log, supervise: false });
    const id = '01932e00-0000-7000-8000-000000000001';
    await command.drizzle.insert(network).values({ id, name: 'lan', recipients: [], listEpoch: id });
    await command.close();
    expect(await collector.sql`select name from network`).toEqual([{ name: 'lan' }]);
    const [partitions] = await collector.sql`
      select count(*) as n from pg_inherits where inhparent = 'received_batch'::regclass`;
    expect(partitions).toEqual({ n: 39 });
    await collector.close();
  });
});
