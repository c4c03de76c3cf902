import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect } from '../connect.ts';
import { silentLog } from '../log.ts';
import { migrate } from '../migrate.ts';
import { testFolder } from '../testing/run-folder.ts';
import { serverAccount } from './account.ts';
import { makeCluster } from './cluster.ts';
import { foldersOf, makeFolders } from './folders.ts';
import { installedPackage, npmPrograms } from './npm-programs.ts';
import { probe } from './programs.ts';
import { openEmbedded } from './supervisor.ts';

const installed = installedPackage();

/** The package is optional: on a platform that has none, there is nothing to test. */
const isRoot = process.getuid?.() === 0;
const needsRoot = isRoot ? '' : ' (skipped: it needs root)';

describe.runIf(installed !== undefined)('PostgreSQL from npm', () => {
  let folder: string;
  beforeEach(() => {
    folder = testFolder();
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('runs a private database, although its install script never ran', async () => {
    const account = await serverAccount(folder);
    const programs = (await npmPrograms(account, join(folder, 'programs'))) ?? '';
    const { cluster } = makeFolders(folder, account);
    await makeCluster(programs, cluster, account);
    const server = await openEmbedded({ dataDir: folder, log: silentLog, supervise: true });
    await migrate(server.url);
    const sql = connect(server.url, { max: 1 });
    const [row] = await sql`select current_setting('server_version_num')::int / 10000 as major`;
    await sql.end();
    await server.stop();
    expect(row?.major).toBe((await probe(programs, account))?.major);
  });

  it.runIf(isRoot)(`is copied to where the server’s user can read it${needsRoot}`, async () => {
    const account = await serverAccount(folder);
    const closed = join(folder, 'closed');
    mkdirSync(closed, { mode: 0o700 });
    cpSync(installed ?? '', join(closed, 'package'), { recursive: true, verbatimSymlinks: true });
    const copies = foldersOf(folder).programs;
    makeFolders(folder, account);
    const programs = (await npmPrograms(account, copies, join(closed, 'package'))) ?? '';
    expect(programs.startsWith(copies)).toBe(true);
    expect(await probe(programs, account)).toBeDefined();
    expect(await npmPrograms(account, copies, join(closed, 'package'))).toBe(programs);
    expect(existsSync(join(programs, '../lib/libpq.a'))).toBe(false);
  });
});
