import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stateFault } from './state-fault.ts';
import { readFileIfThere, replaceFile } from './state-file.ts';
import { openStateFolder } from './state-folder.ts';

const MAIN = resolve(import.meta.dirname, '../main.ts');

let folder: string;
let state: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'picket-state-'));
  state = join(folder, 'state');
});
afterEach(() => rm(folder, { recursive: true }));

describe('the state folder', () => {
  it('is made, and one with an agent’s files in it is in order', async () => {
    await openStateFolder(state);
    await writeFile(join(state, 'blocks.json'), '[]');
    await mkdir(join(state, 'spool'));
    await openStateFolder(state);
    expect((await readdir(state)).sort()).toEqual(['blocks.json', 'spool']);
  });

  it.each(['blocks.json', 'pause.json', 'enrolment.json', 'block-list.json', 'history.jsonl'])(
    'with a folder in the place of %s is refused by name',
    async (name) => {
      await mkdir(join(state, name), { recursive: true });
      await expect(openStateFolder(state)).rejects.toThrow(`${join(state, name)}: it must be a file`);
      await expect(readFileIfThere(join(state, name))).rejects.toThrow(
        `${join(state, name)}: there is a folder in its place; move it away (EISDIR)`,
      );
    },
  );

  it('with a file in its own place, or on the way to it, is refused by name', async () => {
    await writeFile(state, '');
    await expect(openStateFolder(state)).rejects.toThrow(`${state}: there is a file in its place`);
    const below = join(state, 'below');
    await expect(openStateFolder(below)).rejects.toThrow(
      `${below}: one of its parent folders is a file; move that away, or set another state_dir (ENOTDIR)`,
    );
    await expect(replaceFile(join(below, 'blocks.json'), '')).rejects.toThrow(`${below}/blocks.json: one of`);
  });

  it('of links that go round is refused by name', async () => {
    await symlink(state, state);
    await expect(openStateFolder(state)).rejects.toThrow(`${state}: `);
  });

  it('without rights, or on a full disk, is told with what to do', () => {
    const told = (code: string) => String(stateFault(state, Object.assign(new Error('it'), { code })));
    expect(told('EACCES')).toContain(`${state}: this user has no right to it; it belongs to the user`);
    expect(told('EROFS')).toContain('ReadWritePaths=');
    expect(told('EIO')).toBe(`StateError: ${state}: it cannot be used (EIO)`);
  });
});

it('an agent whose state is odd says so in one line, and starts nothing', async () => {
  await mkdir(join(state, 'blocks.json'), { recursive: true });
  const config = join(folder, 'picket.toml');
  await writeFile(
    config,
    `state_dir = "${state}"\n[watch]\nengine = "connect"\n[block]\nfirewall = "log-only"\n`,
  );
  const argv = ['--import', 'tsx', MAIN, 'run', '--config', config];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
  const [said, status] = await Promise.all([
    text(child.stderr),
    new Promise((done) => child.once('close', done)),
  ]);
  expect(status).toBe(1);
  expect(said).toBe(
    `picket-agent: ${state}/blocks.json: it must be a file, and something else is in its place; move that away (EISDIR)\n`,
  );
  expect(await readdir(state)).toEqual(['blocks.json']);
});
