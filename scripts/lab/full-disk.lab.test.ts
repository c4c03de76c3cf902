import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { labMissing } from './missing.ts';

const missing = labMissing();

test.skipIf(missing)(
  `a spool on a full disk, and on one that is read-only, keeps in memory and writes later${missing ? ` (skipped: ${missing})` : ''}`,
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'picket-full-'));
    const script = join(import.meta.dirname, 'full-disk.ts');
    const argv = ['--mount', '--propagation', 'private', process.execPath, '--import', 'tsx', script, folder];
    try {
      const { stderr } = await promisify(execFile)('unshare', argv, {
        cwd: resolve(import.meta.dirname, '../..'),
        timeout: 60_000,
      });
      expect(stderr).toBe('');
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
  90_000,
);
