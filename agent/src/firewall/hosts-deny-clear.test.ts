import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { clearHostsDeny } from './hosts-deny-clear.ts';

const OTHERS = 'sshd: 203.0.113.1\n';
const END = '2100-01-01T00:00:00.000Z';
const line = (address: string) => `# picket local until ${END}\nALL: ${address}\n`;

let folder: string;
let list: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'picket-clear-'));
  list = join(folder, 'denied', 'list');
  await mkdir(join(folder, 'denied'));
});
afterEach(() => rm(folder, { recursive: true }));

const file = () => join(folder, 'hosts.deny');
const clear = (more: Parameters<typeof clearHostsDeny>[1] = {}, patterns = false) =>
  clearHostsDeny({ file: file(), daemons: 'ALL', patterns }, { folder: join(folder, 'denied'), ...more });

describe('clearing the files of TCP wrappers', () => {
  it('takes lines of ours out, and leaves those of others', async () => {
    await writeFile(file(), `${line('192.0.2.7')}${OTHERS}${line('192.0.2.8')}`);
    expect(await clear()).toEqual(['192.0.2.7', '192.0.2.8']);
    expect(await readFile(file(), 'utf8')).toBe(OTHERS);
  });

  it('takes out only who is meant', async () => {
    await writeFile(file(), `${line('192.0.2.7')}${line('192.0.2.8')}${OTHERS}`);
    await writeFile(list, '192.0.2.7\n192.0.2.9\n[2001:db8::]/64\n');
    const found = await clear({ isMeant: (source) => source === '192.0.2.7' });
    expect(found).toEqual(['192.0.2.7', '192.0.2.7']);
    expect(await readFile(file(), 'utf8')).toBe(`${line('192.0.2.8')}${OTHERS}`);
    expect(await readFile(list, 'utf8')).toBe('192.0.2.9\n[2001:db8::]/64\n');
  });

  it('empties files of patterns, whatever the policy says today, but for those in use', async () => {
    await writeFile(list, '192.0.2.9\n198.51.100.0/255.255.255.0\n');
    expect(await clear({ except: [list] })).toEqual([]);
    expect(await clear()).toEqual(['192.0.2.9', '198.51.100.0/24']);
    expect(await readFile(list, 'utf8')).toBe('');
    await writeFile(file(), '192.0.2.9\n');
    expect(await clear({}, true)).toEqual(['192.0.2.9']);
  });

  it('does not touch a file without lines of ours, and needs none', async () => {
    expect(await clear()).toEqual([]);
    await writeFile(file(), `192.0.2.9\n${OTHERS}`);
    const before = await stat(file(), { bigint: true });
    expect(await clear()).toEqual([]);
    const after = await stat(file(), { bigint: true });
    expect([after.ino, after.mtimeNs]).toEqual([before.ino, before.mtimeNs]);
  });
});
