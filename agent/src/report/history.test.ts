import { appendFile, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HostEvent } from './events.ts';
import { historyPath, openHistory, parseHistory, readHistory } from './history.ts';
import { SILENT_LOG } from './log.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'picket-history-'));
  path = historyPath(folder);
});
afterEach(() => rm(folder, { recursive: true }));

const block = (atMs: number, source = '198.51.100.7'): HostEvent => ({ atMs, event: 'block', source });

describe('the history', () => {
  it('survives a restart and a line that a crash cut in half', async () => {
    const first = await openHistory({ path, log: SILENT_LOG });
    first.add(block(1));
    await first.flush();
    await appendFile(path, '{"atMs":2,"event":"blo');
    const second = await openHistory({ path, log: SILENT_LOG });
    second.add(block(3));
    await second.flush();
    expect((await readHistory(path, '198.51.100.7')).map(({ atMs }) => atMs)).toEqual([1, 3]);
  });

  it('tells of one source, and what concerns all', async () => {
    const history = await openHistory({ path, log: SILENT_LOG });
    history.add(block(1));
    history.add(block(2, '203.0.113.9'));
    history.add({ atMs: 3, event: 'lift', by: 'alice', local: 2, shared: 0 });
    history.add({ ...block(4), event: 'probe' });
    await history.flush();
    expect((await readHistory(path, '198.51.100.7')).map(({ atMs }) => atMs)).toEqual([1, 3]);
  });

  it('goes on by itself after more came at once than it could hold', async () => {
    const history = await openHistory({ path, log: SILENT_LOG });
    for (let i = 0; i < 3_000; i++) history.add(block(i));
    await history.flush();
    history.add(block(5_000));
    const atMs = async () => (await readHistory(path, '198.51.100.7')).map((event) => event.atMs);
    await expect.poll(atMs).toContain(5_000);
    history.add(block(5_001));
    await expect.poll(atMs).toContain(5_001);
  });

  it('is bounded on disk, and keeps the newest', async () => {
    const history = await openHistory({ path, log: SILENT_LOG, maxBytes: 1_000 });
    for (let i = 0; i < 200; i++) {
      history.add(block(i));
      await history.flush();
    }
    const sizes = await Promise.all([path, `${path}.1`].map(async (file) => (await stat(file)).size));
    expect(Math.max(...sizes)).toBeLessThan(1_200);
    expect((await readHistory(path, '198.51.100.7')).at(-1)?.atMs).toBe(199);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('reads whatever the file holds without a fault', () => {
    fc.assert(fc.property(fc.string(), (text) => Array.isArray(parseHistory(text))));
  });
});
