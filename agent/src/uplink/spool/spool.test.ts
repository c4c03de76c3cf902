import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { v7 as uuid7 } from 'uuid';
import { describe, expect, it, vi } from 'vitest';
import { createLog, SILENT_LOG } from '../../report/log.ts';
import { eventually } from '../testing.ts';
import { openSpoolFolder } from './disk.ts';
import { FakeDisk } from './fake-disk.ts';
import type { Batch } from './record.ts';
import { Spool, type SpoolOptions } from './spool.ts';

const anyone = () => true;

function batch(hasTrip = false, sizeBytes = 40): Batch {
  return { jti: uuid7(), jws: 'x'.repeat(sizeBytes), hasTrip };
}

function open(disk: FakeDisk, options: Partial<SpoolOptions> = {}): Promise<Spool> {
  return Spool.open({ disk, log: SILENT_LOG, retryMs: () => 5, ...options });
}

/** All that a spool would push, in its order. */
async function contents(spool: Spool): Promise<Batch[]> {
  const all: Batch[] = [];
  const seen = new Set<string>();
  for (let entry = spool.next(anyone); entry !== undefined; entry = spool.next((jti) => !seen.has(jti))) {
    seen.add(entry.jti);
    const read = await spool.read(entry);
    if (read !== undefined) all.push(read);
  }
  return all;
}

describe('a spool', () => {
  it('gives the newest trip first, then the oldest of the others', async () => {
    const spool = await open(new FakeDisk());
    const [a, b, c, d] = [batch(), batch(true), batch(), batch(true)];
    for (const each of [a, b, c, d]) expect(await spool.append(each)).toBe('disk');
    expect(await contents(spool)).toEqual([d, b, a, c]);
  });

  it('forgets what was settled and keeps the rest over a restart', async () => {
    const disk = new FakeDisk();
    const spool = await open(disk);
    const all = [batch(), batch(true), batch(), batch()];
    await Promise.all(all.map((each) => spool.append(each)));
    spool.settle(all[0]?.jti ?? '');
    spool.settle(all[1]?.jti ?? '');
    await spool.close();
    expect(await contents(await open(disk))).toEqual(all.slice(2));
  });

  it('removes a file once all its batches are settled', async () => {
    const disk = new FakeDisk();
    const spool = await open(disk, { maxBytes: 8 * 1000 });
    const all = Array.from({ length: 30 }, () => batch(false, 300));
    for (const each of all.slice(0, 10)) await spool.append(each);
    expect(disk.files.size).toBeGreaterThan(2);
    for (const { jti } of all) spool.settle(jti);
    await spool.close();
    await open(disk);
    expect(disk.files.size).toBe(0);
  });

  it('shares one write among batches that come together', async () => {
    const disk = new FakeDisk();
    const append = vi.spyOn(disk, 'append');
    const spool = await open(disk);
    await Promise.all(Array.from({ length: 100 }, () => spool.append(batch())));
    expect(append.mock.calls.length).toBeLessThan(3);
  });

  it('gives up the oldest without trips first, and trips last', async () => {
    const spool = await open(new FakeDisk(), { maxBytes: 4000 });
    const trips = Array.from({ length: 5 }, () => batch(true, 300));
    for (const each of trips) await spool.append(each);
    for (let i = 0; i < 50; i++) await spool.append(batch(false, 300));
    const kept = (await contents(spool)).map((each) => each.jti);
    expect(kept).toEqual(expect.arrayContaining(trips.map((each) => each.jti)));
    expect(spool.stats().lost).toBe(55 - kept.length);
    expect(spool.stats().diskBytes).toBeLessThanOrEqual(4000);
  });

  it('gives up what is too old', async () => {
    const disk = new FakeDisk();
    const spool = await open(disk);
    const [old, young] = [{ ...batch(), jti: uuid7({ msecs: 1000 }) }, batch()];
    await spool.append(old);
    await spool.append(young);
    spool.expire(2000);
    await spool.close();
    expect(spool.stats()).toMatchObject({ lost: 1, batches: 1 });
    expect(await contents(await open(disk))).toEqual([young]);
  });

  it('cuts a torn end off and counts it', async () => {
    const disk = new FakeDisk();
    const spool = await open(disk);
    const kept = batch();
    await spool.append(kept);
    const [name = ''] = disk.files.keys();
    await disk.append(name, Buffer.from('torn'), true);
    const again = await open(disk);
    expect(again.stats()).toMatchObject({ torn: 1, damaged: 0 });
    expect(await contents(again)).toEqual([kept]);
    expect((await open(disk)).stats().torn).toBe(0);
  });
});

describe('a spool whose disk is full', () => {
  it('says so once, keeps in memory, and writes when there is room again', async () => {
    const disk = new FakeDisk();
    const lines: string[] = [];
    const log = createLog({ level: 'info', json: false, write: (line) => lines.push(line) });
    const spool = await open(disk, { log });
    disk.roomBytes = 10;
    const all = [batch(), batch(true), batch()];
    for (const each of all) expect(await spool.append(each)).toBe('memory');
    expect(await contents(spool)).toHaveLength(3);
    expect(spool.stats()).toMatchObject({ isDiskFailing: true, inMemory: 3 });
    disk.roomBytes = undefined;
    await eventually(() => spool.stats()).toMatchObject({ isDiskFailing: false, inMemory: 0 });
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain('ENOSPC');
    expect(new Set(await contents(await open(disk)))).toEqual(new Set(all));
  });

  it('holds the bound of its memory, trips last', async () => {
    const disk = new FakeDisk();
    disk.roomBytes = 0;
    const spool = await open(disk, { maxMemoryBytes: 1000, retryMs: () => 60_000 });
    const trip = batch(true, 100);
    await spool.append(trip);
    for (let i = 0; i < 30; i++) await spool.append(batch(false, 100));
    expect(spool.stats()).toMatchObject({ batches: 10, inMemory: 10, lost: 21 });
    expect((await contents(spool))[0]).toEqual(trip);
    await spool.close();
  });

  it('gives up no more than the bound asks for when a small spool can write again', async () => {
    const disk = new FakeDisk();
    const maxBytes = 64_000;
    const spool = await open(disk, { maxBytes, retryMs: () => 60_000 });
    const before = batch(true, 1_000);
    await spool.append(before);
    disk.roomBytes = 0;
    const all = Array.from({ length: 80 }, (_, i) => batch(i % 2 === 0, 1_000));
    for (const each of all) await spool.append(each);
    disk.roomBytes = undefined;
    await spool.close();
    const kept = new Set((await contents(spool)).map(({ jti }) => jti));
    for (const { jti, hasTrip } of [before, ...all]) if (hasTrip) expect(kept).toContain(jti);
    expect(disk.totalBytes()).toBeGreaterThan(maxBytes * 0.6);
    expect(disk.totalBytes()).toBeLessThanOrEqual(maxBytes);
  });

  it('gives up nothing for a batch that has no room in the whole spool', async () => {
    const spool = await open(new FakeDisk(), { maxBytes: 4_000 });
    const all = [batch(true, 300), batch(false, 300)];
    for (const each of all) await spool.append(each);
    expect(await spool.append(batch(true, 5_000))).toBe('lost');
    expect(await contents(spool)).toEqual(all);
  });

  it('settles a batch for another only when that is as safe', async () => {
    const disk = new FakeDisk();
    const spool = await open(disk, { retryMs: () => 60_000 });
    const [onDisk, inMemory, again] = [batch(true), batch(true), batch(true)];
    await spool.append(onDisk);
    disk.roomBytes = 0;
    await spool.append(inMemory);
    expect(await spool.replace(onDisk.jti, [batch(true), batch(true)])).toBe(false);
    expect(await spool.replace(inMemory.jti, [again])).toBe(true);
    expect(new Set(await contents(spool))).toEqual(new Set([onDisk, again]));
    expect(spool.unsafe).toEqual({ waiting: 1, lost: 0 });
    disk.roomBytes = undefined;
    await spool.close();
    expect(spool.unsafe).toEqual({ waiting: 0, lost: 0 });
  });

  it('pushes and settles from memory', async () => {
    const disk = new FakeDisk();
    disk.roomBytes = 0;
    const spool = await open(disk);
    const only = batch(true);
    await spool.append(only);
    spool.settle(only.jti);
    expect(spool.stats()).toMatchObject({ batches: 0, inMemory: 0, lost: 0 });
    await spool.close();
  });
});

describe('a spool on a bad disk', () => {
  it('begins in memory when the folder cannot be read, and has all once it can', async () => {
    const disk = new FakeDisk();
    const [first, second] = [batch(true), batch(true)];
    await (await open(disk)).append(first);
    disk.isGone = true;
    const spool = await open(disk);
    expect(await spool.append(second)).toBe('memory');
    expect(spool.stats()).toMatchObject({ isDiskFailing: true, batches: 1 });
    disk.isGone = false;
    await eventually(() => spool.stats()).toMatchObject({ isDiskFailing: false, batches: 2, inMemory: 0 });
    expect(new Set(await contents(await open(disk)))).toEqual(new Set([first, second]));
  });

  it('reads the other files when one cannot be read, and writes over none', async () => {
    const disk = new FakeDisk();
    const [first, second] = [batch(true), batch(false)];
    for (const each of [first, second]) await (await open(disk)).append(each);
    const [name = ''] = disk.files.keys();
    disk.unreadable.add(name);
    const spool = await open(disk);
    expect(await contents(spool)).toEqual([second]);
    expect(await spool.append(batch(true))).toBe('disk');
    disk.unreadable.clear();
    expect(await contents(await open(disk))).toHaveLength(3);
  });

  it('takes in a torn file on a read-only disk', async () => {
    const disk = new FakeDisk();
    const only = batch();
    await (await open(disk)).append(only);
    const [name = ''] = disk.files.keys();
    await disk.append(name, Buffer.from('torn'), true);
    await disk.append('lost.txt', Buffer.from('7\n1300\n12'), true);
    disk.isReadOnly = true;
    const spool = await open(disk);
    expect(await contents(spool)).toEqual([only]);
    expect(spool.stats()).toMatchObject({ torn: 1, lost: 1300 });
  });

  it('overlooks nothing that comes while the count of losses is written', async () => {
    const disk = new FakeDisk();
    const spool = await open(disk);
    const bad = batch();
    await spool.append(bad);
    const { replace } = disk;
    let late: Promise<unknown> | undefined;
    disk.replace = async (...args) => {
      late ??= spool.append(batch(true));
      await replace.apply(disk, args);
    };
    spool.giveUp(bad.jti);
    await eventually(() => late !== undefined).toBe(true);
    expect(await late).toBe('disk');
  });
});

type Step = { do: 'append'; hasTrip: boolean; sizeBytes: number } | { do: 'settle'; which: number };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({
      do: fc.constant('append' as const),
      hasTrip: fc.boolean(),
      sizeBytes: fc.integer({ min: 1, max: 400 }),
    }),
    fc.record({ do: fc.constant('settle' as const), which: fc.nat() }),
  ),
  { maxLength: 40 },
);

/** Runs the steps until the power goes; returns what was written, what counted as kept, and what was settled. */
async function runUntilCut(spool: Spool, all: readonly Step[]) {
  const seen = { appended: new Map<string, Batch>(), kept: new Set<string>(), settled: new Set<string>() };
  for (const step of all) {
    if (step.do === 'append') {
      const each = batch(step.hasTrip, step.sizeBytes);
      seen.appended.set(each.jti, each);
      if ((await spool.append(each)) === 'disk') seen.kept.add(each.jti);
    } else {
      const jti = [...seen.appended.keys()][step.which % Math.max(1, seen.appended.size)];
      if (jti === undefined) continue;
      seen.settled.add(jti);
      spool.settle(jti);
    }
  }
  return seen;
}

describe('a power cut at any byte', () => {
  it('loses nothing that counted as kept, and invents nothing', async () => {
    await fc.assert(
      fc.asyncProperty(
        steps,
        fc.integer({ min: 1, max: 8000 }),
        fc.float({ min: 0, max: 1, noNaN: true }),
        async (all, powerForBytes, keep) => {
          const disk = new FakeDisk();
          const spool = await open(disk, { retryMs: () => 60_000, maxBytes: 1_000_000 });
          disk.powerForBytes = powerForBytes;
          const { appended, kept, settled } = await runUntilCut(spool, all);
          disk.restart(keep);
          const left = await contents(await open(disk));
          const names = left.map((each) => each.jti);
          expect(new Set(names).size).toBe(names.length);
          for (const each of left) expect(appended.get(each.jti)).toEqual(each);
          for (const jti of kept) if (!settled.has(jti)) expect(names).toContain(jti);
        },
      ),
      { numRuns: process.env.PICKET_TEST_FULL === '1' ? 10_000 : 300 },
    );
  });

  it('never lets the files grow past the bound, and gives up trips only when nothing else is left', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const disk = new FakeDisk();
        const spool = await open(disk, { maxBytes: 3000 });
        const { appended, settled } = await runUntilCut(spool, all);
        await spool.close();
        expect(disk.totalBytes()).toBeLessThanOrEqual(3000 + 29 * settled.size);
        const left = new Set((await contents(spool)).map((each) => each.jti));
        const order = [...appended.keys()];
        const isLost = (jti: string) => !settled.has(jti) && !left.has(jti);
        const lastLostTrip = order.findLastIndex((jti) => appended.get(jti)?.hasTrip && isLost(jti));
        const oldestOther = order.findIndex((jti) => !appended.get(jti)?.hasTrip && left.has(jti));
        if (lastLostTrip !== -1 && oldestOther !== -1) expect(oldestOther).toBeGreaterThan(lastLostTrip);
      }),
      { numRuns: 100 },
    );
  });
});

describe('a spool in a real folder', () => {
  it('is private, survives a restart and cleans up', async () => {
    const folder = join(await mkdtemp(join(tmpdir(), 'picket-spool-')), 'spool');
    const start = async () => Spool.open({ disk: openSpoolFolder(folder), log: SILENT_LOG });
    const spool = await start();
    const all = [batch(true), batch(), batch()];
    for (const each of all) expect(await spool.append(each)).toBe('disk');
    for (const name of await readdir(folder)) {
      expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
    }
    await spool.close();
    const again = await start();
    expect(await contents(again)).toEqual(all);
    for (const { jti } of all) again.settle(jti);
    await again.close();
    expect((await start()).stats().batches).toBe(0);
    expect(await readdir(folder)).toEqual([]);
    await rm(join(folder, '..'), { recursive: true });
  });
});
