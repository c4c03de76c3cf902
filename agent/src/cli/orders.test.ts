import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { bookPath, formatBook } from '../blocks/book.ts';
import { parsePolicy } from '../policy/load.ts';
import { historyPath } from '../report/history.ts';
import { RunError } from '../run/runner.ts';
import { orderCommand } from './orders.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'picket-orders-'));
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

it('writes an unblock without an agent into the history, one line for each block', async () => {
  const made = {
    atMs: 1,
    untilMs: Date.now() + 60_000,
    droppedPackets: 0,
    tier: 'held',
    decidedBy: 'agent',
  } as const;
  const book = ['192.0.2.7', '192.0.2.9', '203.0.113.1'].map(
    (source) => [source, { source, ...made }] as const,
  );
  await writeFile(bookPath(folder), formatBook(new Map(book)));
  const policy = parsePolicy(
    `state_dir = "${folder}"\n[hosts_deny]\nfile = "${folder}/hosts.deny"`,
    'picket.toml',
  );
  const run = async () => {
    throw new RunError('not_started', 'no program is there');
  };
  const call = { command: 'unblock', config: '', network: '192.0.2.0/24' } as const;
  expect(await orderCommand(policy, call, { by: 'alice', run })).toBe(0);
  const lines = (await readFile(historyPath(folder), 'utf8')).trim().split('\n');
  expect(lines.map((line) => JSON.parse(line))).toMatchObject(
    ['192.0.2.7', '192.0.2.9'].map((source) => ({
      ...{ event: 'unblock', source, by: 'alice', why: 'lifted on this host by alice' },
    })),
  );
  const again = { ...call, network: '198.51.100.1' };
  expect(await orderCommand(policy, again, { by: 'alice', run })).toBe(0);
  expect((await readFile(historyPath(folder), 'utf8')).trim().split('\n')).toHaveLength(2);
});
