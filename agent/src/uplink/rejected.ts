import { readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../report/log.ts';
import type { Batch } from './spool/record.ts';
import { makePrivateFolder, replaceFile } from './state-file.ts';

/** Most batches kept aside; beyond it the oldest go. At most 50 MB, in practice far less. */
const MAX_REJECTED = 200;

/** Puts aside a batch that the collector will never take. */
export type Reject = (batch: Batch, why: string) => Promise<void>;

/**
 * A folder for batches that can never be accepted, so that a person can look into it. A fault of the disk here is told
 * and costs the copy only.
 */
export function rejectedFolder(folder: string, log: Log, nowMs: () => number = Date.now): Reject {
  return async (batch, why) => {
    log.error('the collector will never take a batch; it was put aside', { jti: batch.jti, why, folder });
    try {
      await makePrivateFolder(folder);
      const text = JSON.stringify(
        { rejectedAt: new Date(nowMs()).toISOString(), why, ...batch },
        undefined,
        2,
      );
      await replaceFile(join(folder, `${batch.jti}.json`), `${text}\n`);
      await trim(folder);
    } catch (error) {
      log.error('a rejected batch could not be put aside', { jti: batch.jti, error });
    }
  };
}

/** Names are UUIDv7, so their order is the order of time. */
async function trim(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json')).sort();
  for (const name of names.slice(0, Math.max(0, names.length - MAX_REJECTED)))
    await unlink(join(folder, name));
}
