import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { removeHalfWritten, replaceFile } from './state-file.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'picket-state-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('removes what a killed writer left half-way, and nothing else', async () => {
  await replaceFile(join(folder, 'blocks.json'), '[]');
  await writeFile(join(folder, 'blocks.json.0123456789ab.tmp'), '[');
  await writeFile(join(folder, 'notes.tmp'), 'mine');
  await removeHalfWritten(folder);
  expect((await readdir(folder)).sort()).toEqual(['blocks.json', 'notes.tmp']);
  expect(await readFile(join(folder, 'blocks.json'), 'utf8')).toBe('[]');
});
