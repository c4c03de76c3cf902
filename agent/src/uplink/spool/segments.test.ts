import { v7 as uuid7 } from 'uuid';
import { expect, it } from 'vitest';
import { FakeDisk } from './fake-disk.ts';
import type { Batch } from './record.ts';
import { Segments } from './segments.ts';

const trip = (): Batch => ({ jti: uuid7(), jws: 'x'.repeat(100), hasTrip: true });

/** Four files with one batch each. */
async function setUp() {
  const disk = new FakeDisk();
  const segments = new Segments(disk, 1);
  for (let i = 0; i < 4; i++) await segments.write('trips', [trip()]);
  return { disk, segments };
}

it('counts a file for as long as the disk does not let it go', async () => {
  const { disk, segments } = await setUp();
  disk.isReadOnly = true;
  for (let i = 0; i < 3; i++) {
    await expect(segments.dropOldest('trips')).rejects.toMatchObject({ code: 'EROFS' });
    await expect(segments.write('trips', [trip()])).rejects.toMatchObject({ code: 'EROFS' });
  }
  expect([segments.totalBytes, disk.files.size]).toEqual([disk.totalBytes(), 4]);
  disk.isReadOnly = false;
  expect(await segments.dropOldest('trips')).toHaveLength(1);
  expect([segments.totalBytes, disk.files.size]).toEqual([disk.totalBytes(), 3]);
});

it('gives up the next file where the disk keeps the oldest, and removes later what it kept', async () => {
  const { disk, segments } = await setUp();
  const [oldest = ''] = disk.files.keys();
  const { remove } = disk;
  disk.remove = async (name) => {
    if (name === oldest) throw new Error('input/output error');
    return remove.call(disk, name);
  };
  expect(await segments.dropOldest('trips')).toHaveLength(1);
  expect([...disk.files.keys()]).toContain(oldest);
  expect([segments.totalBytes, disk.files.size]).toEqual([disk.totalBytes(), 3]);
});
