import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BlockEntry } from '@picket/protocol';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { bookPath, formatBook, parseBook } from '../blocks/book.ts';
import { allowancesPath } from '../control/allowances.ts';
import { liftedPath } from '../control/lifted.ts';
import { pausePath } from '../control/stance.ts';
import { parsePolicy } from '../policy/load.ts';
import { SILENT_LOG } from '../report/log.ts';
import { openStanceFiles } from './people.ts';
import { storedBlocks } from './stored-blocks.ts';

const UNTIL_MS = Date.now() + 3_600_000;
const SHARED: BlockEntry = ['198.51.100.9', UNTIL_MS, 'held', 'scan'];

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'picket-stored-'));
  const blocks = ['198.51.100.7', '203.0.113.7'].map((source) => {
    const times = { atMs: UNTIL_MS - 3_600_000, untilMs: UNTIL_MS };
    return [
      source,
      { source, ...times, tier: 'held', decidedBy: 'agent', droppedPackets: 0 } as const,
    ] as const;
  });
  await writeFile(bookPath(folder), formatBook(new Map(blocks)));
  const id = '01990000-0000-7000-8000-000000000001';
  const list = { networkId: id, collectorId: id, version: 1, iat: 1, digest: '0'.repeat(16), allow: [] };
  await writeFile(join(folder, 'block-list.json'), JSON.stringify({ ...list, entries: [SHARED] }));
});
afterEach(() => rm(folder, { recursive: true }));

const policy = () => parsePolicy(`state_dir = "${folder}"`, 'picket.toml');
const bookNow = async () =>
  parseBook(await readFile(bookPath(folder), 'utf8'))?.map(({ source }) => source) ?? [];

it('are those of a network, and only they are lifted', async () => {
  const stored = await storedBlocks(policy(), '198.51.100.0/24');
  expect([stored.local.length, stored.shared.length]).toEqual([1, 1]);
  await stored.lift();
  expect(await bookNow()).toEqual(['203.0.113.7']);
  expect((await openStanceFiles(policy(), SILENT_LOG)).lifted.has(SHARED)).toBe(true);
});

it('are all when no network is named, and what was lifted before stays so', async () => {
  await (await storedBlocks(policy(), SHARED[0])).lift();
  const stored = await storedBlocks(policy());
  expect([stored.local.length, stored.shared.length]).toEqual([2, 1]);
  await stored.lift();
  expect(await bookNow()).toEqual([]);
  expect((await openStanceFiles(policy(), SILENT_LOG)).lifted.count()).toBe(1);
});

it('are lifted also where the file of what was lifted before is damaged', async () => {
  await writeFile(liftedPath(folder), '{');
  await (await storedBlocks(policy(), SHARED[0])).lift();
  expect((await openStanceFiles(policy(), SILENT_LOG)).lifted.has(SHARED)).toBe(true);
});

it('and whatever else people decided is told when its file is damaged', async () => {
  const paths = [pausePath(folder), liftedPath(folder), allowancesPath(folder)];
  for (const path of paths) await writeFile(path, '[{"network":1}]');
  const said: unknown[] = [];
  const { allowances } = await openStanceFiles(policy(), {
    warn: (_words, fields) => void said.push(fields?.path),
  });
  expect(said).toEqual(paths);
  expect(allowances.list()).toEqual([]);
});
