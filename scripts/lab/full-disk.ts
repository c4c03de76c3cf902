import { strictEqual } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SILENT_LOG } from '../../agent/src/report/log.ts';
import { openSpoolFolder } from '../../agent/src/uplink/spool/disk.ts';
import { Spool } from '../../agent/src/uplink/spool/spool.ts';
import { waitFor } from './wait.ts';

/*
 * A spool on a real file system that is full, then has room, then is read-only, then is not. Run in a mount namespace of
 * its own: it mounts a small tmpfs over the folder that it is given.
 */

const [folder = ''] = process.argv.slice(2);
const mount = (...args: string[]) => execFileSync('mount', [...args, folder]);
const batch = (hasTrip = false) => ({ jti: randomUUID(), jws: 'x'.repeat(4_000), hasTrip });

mount('-t', 'tmpfs', '-o', 'size=256k', 'tmpfs');
const open = async () =>
  Spool.open({
    disk: openSpoolFolder(join(folder, 'spool')),
    log: SILENT_LOG,
    retryMs: () => 20,
  });
const spool = await open();
strictEqual(await spool.append(batch(true)), 'disk');

const isWritten = async () => spool.stats().inMemory === 0 && !spool.stats().isDiskFailing;

const filler = join(folder, 'filler');
try {
  writeFileSync(filler, Buffer.alloc(1024 * 1024));
} catch (error) {
  strictEqual((error as NodeJS.ErrnoException).code, 'ENOSPC');
}
for (let i = 0; i < 5; i++) strictEqual(await spool.append(batch(i === 0)), 'memory');
strictEqual(spool.stats().isDiskFailing, true);
unlinkSync(filler);
await waitFor('the spool to write again', isWritten, 20_000);

mount('-o', 'remount,ro');
strictEqual(await spool.append(batch(true)), 'memory');
strictEqual(spool.stats().isDiskFailing, true);
mount('-o', 'remount,rw');
await waitFor('the spool to write again', isWritten, 20_000);
await spool.close();
strictEqual((await open()).stats().batches, 7);
