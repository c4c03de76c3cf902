import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { parsePolicy } from '../policy/load.ts';
import { RunError } from '../run/runner.ts';
import { onEveryFirewall } from './every-firewall.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'picket-every-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('lets sources go in hosts.deny too, though the policy of today has no use for it', async () => {
  const file = join(folder, 'hosts.deny');
  const line = (address: string) => `# picket local until 2100-01-01T00:00:00.000Z\nALL: ${address}\n`;
  await writeFile(file, `${line('192.0.2.7')}${line('192.0.2.8')}ALL: 203.0.113.1\n`);
  const policy = parsePolicy(`[hosts_deny]\nfile = "${file}"`, 'picket.toml');
  const nothing = async () => {
    throw new RunError('not_started', 'no program is there');
  };
  const one = { table: [], isMeant: (source: string) => source === '192.0.2.7' };
  expect(await onEveryFirewall(policy, nothing, one)).toEqual({ ok: true, there: true });
  expect(await readFile(file, 'utf8')).toBe(`${line('192.0.2.8')}ALL: 203.0.113.1\n`);
  expect(await onEveryFirewall(policy, nothing, { table: [] })).toEqual({ ok: true, there: true });
  expect(await readFile(file, 'utf8')).toBe('ALL: 203.0.113.1\n');
  expect(await onEveryFirewall(policy, nothing, { table: [] })).toEqual({ ok: true, there: false });
});
