import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { v7 as uuid7 } from 'uuid';
import { expect, it } from 'vitest';
import { SILENT_LOG } from '../report/log.ts';
import { rejectedFolder } from './rejected.ts';

it('keeps the last two hundred batches that the collector will never take', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'picket-rejected-'));
  try {
    const reject = rejectedFolder(join(folder, 'rejected'), SILENT_LOG);
    const names = Array.from({ length: 205 }, (_, i) => uuid7({ msecs: 1_000 + i }));
    for (const jti of names) await reject({ jti, jws: 'x', hasTrip: false }, 'because');
    const kept = (await readdir(join(folder, 'rejected'))).sort();
    expect(kept).toEqual(names.slice(5).map((jti) => `${jti}.json`));
  } finally {
    await rm(folder, { recursive: true });
  }
});
