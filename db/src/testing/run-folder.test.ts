import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { isAlive } from '../embedded/postmaster.ts';
import { ensureServer } from '../embedded/server.ts';
import { silentLog } from '../log.ts';
import { sweepRunFolders } from './run-folder.ts';

it('stops the server and removes the folder of a run that was killed', async () => {
  const { pid: deadRun } = spawnSync('true');
  const dataDir = join(tmpdir(), `picket-test-${deadRun}`);
  mkdirSync(dataDir, { mode: 0o711 });
  const { pid } = await ensureServer({ dataDir, log: silentLog, settings: { fsync: 'off' } });
  await sweepRunFolders();
  expect(isAlive(pid)).toBe(false);
  expect(existsSync(dataDir)).toBe(false);
  expect(existsSync(process.env.PICKET_TEST_DIR ?? '')).toBe(true);
});
