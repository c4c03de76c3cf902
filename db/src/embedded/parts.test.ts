import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canPass, socketFolderOf } from './folders.ts';
import { isAlive, isForeign, parsePostmaster, postmasterFile } from './postmaster.ts';
import { choosePrograms, majorVersion } from './programs.ts';
import { settingsArguments, settingsFile, startSettings } from './settings.ts';
import { backoffMs } from './supervisor.ts';

describe('the programs', () => {
  const found = [13, 15, 17, 16].map((major) => ({ folder: `/usr/lib/postgresql/${major}/bin`, major }));

  it('are the newest for a new cluster', () => {
    expect(choosePrograms(found, undefined)?.major).toBe(17);
  });

  it('are those that made the cluster, whatever is newer', () => {
    expect(choosePrograms(found, 15)?.major).toBe(15);
    expect(choosePrograms(found, 18)).toBeUndefined();
  });

  it('are never older than what the project runs on', () => {
    expect(choosePrograms([{ folder: '/bin', major: 14 }], undefined)).toBeUndefined();
  });

  it.each([
    ['postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n', 15],
    ['postgres (PostgreSQL) 18.4\n', 18],
    ['postgres (PostgreSQL) 19devel\n', 19],
    ['', undefined],
    ['psql (PostgreSQL) 15.1', undefined],
  ])('tell their version as %s', (text, major) => {
    expect(majorVersion(text)).toBe(major);
  });
});

describe('the socket', () => {
  it('lies in the data folder while its path fits into sun_path', () => {
    expect(socketFolderOf('/var/lib/picket-collector/postgres', '/tmp')).toBe(
      '/var/lib/picket-collector/postgres/run',
    );
    const longest = `/${'d'.repeat(103 - '//run/.s.PGSQL.5432'.length)}`;
    expect(socketFolderOf(longest, '/tmp')).toBe(`${longest}/run`);
    expect(socketFolderOf(`${longest}d`, '/tmp')).toMatch(/^\/tmp\/picket-[0-9a-f]{16}$/);
  });

  it('counts bytes, not characters', () => {
    expect(socketFolderOf(`/${'ü'.repeat(60)}`, '/tmp')).toMatch(/^\/tmp\//);
  });

  it('has no place when the temporary folder is too long as well', () => {
    expect(socketFolderOf(`/${'d'.repeat(100)}`, `/${'t'.repeat(100)}`)).toBeUndefined();
  });
});

describe('a folder', () => {
  it('lets its owner, its group and others pass by their own bit only', () => {
    const account = { uid: 100, gid: 200 };
    expect(canPass({ uid: 100, gid: 0, mode: 0o700 }, account)).toBe(true);
    expect(canPass({ uid: 100, gid: 0, mode: 0o077 }, account)).toBe(false);
    expect(canPass({ uid: 0, gid: 200, mode: 0o710 }, account)).toBe(true);
    expect(canPass({ uid: 0, gid: 200, mode: 0o701 }, account)).toBe(false);
    expect(canPass({ uid: 0, gid: 0, mode: 0o701 }, account)).toBe(true);
    expect(canPass({ uid: 0, gid: 0, mode: 0o770 }, account)).toBe(false);
  });
});

describe('postmaster.pid', () => {
  const text = '4711\n/data\n1795435200\n5432\n/run/picket\n\n  5432001  98304\nready   \n';

  it('is read as the server wrote it', () => {
    expect(parsePostmaster(text)).toEqual({ pid: 4711, port: 5432, socketFolder: '/run/picket' });
  });

  it.each(['', '4711', '4711\n/data\n', 'x\n/data\n1\n5432\n/run\n', '-1\n/data\n1\n5432\n/run\n', '\0\0\0'])(
    'is nothing while it is unfinished or damaged: %j',
    (damaged) => {
      expect(parsePostmaster(damaged)).toBeUndefined();
    },
  );

  it('may be missing', () => {
    const folder = mkdtempSync(join(tmpdir(), 'picket-none-'));
    expect(postmasterFile(folder)).toBeUndefined();
    rmSync(folder, { recursive: true });
  });

  it('may name a process that is no server', () => {
    expect(isAlive(process.pid)).toBe(true);
    expect(isForeign(process.pid)).toBe(true);
    expect(isAlive(2 ** 22 + 1)).toBe(false);
  });
});

describe('settings', () => {
  it('are quoted for the file', () => {
    expect(settingsFile({ a: "it's", b: 'off' })).toBe("a = 'it''s'\nb = 'off'\n");
  });

  it('name a folder with a comma as one', () => {
    expect(startSettings('/a, "b"', '/log')).toMatchObject({ unix_socket_directories: '"/a, ""b"""' });
    expect(settingsArguments({ x: '1', y: '' })).toEqual(['-c', 'x=1', '-c', 'y=']);
  });
});

it('waits longer with each death, up to half a minute', () => {
  expect([0, 1, 2, 3, 8, 9, 1000].map(backoffMs)).toEqual([200, 200, 400, 800, 25_600, 30_000, 30_000]);
});
