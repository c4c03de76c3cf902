import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const MAIN = resolve(import.meta.dirname, '../main.ts');
const CAPTURE = resolve(import.meta.dirname, '../decode/testdata/nmap-ipv4.pcap');

let folder: string;
let config: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'picket-output-'));
  config = join(folder, 'picket.toml');
  await writeFile(config, `state_dir = "${folder}"\n`);
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** Runs a command whose standard output is a full disk, or a pipe that nobody reads any more. */
async function run(argv: readonly string[], where: 'full disk' | 'closed pipe') {
  const full = where === 'full disk' ? openSync('/dev/full', 'w') : undefined;
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, ...argv, '--config', config], {
    stdio: ['ignore', full ?? 'pipe', 'pipe'],
  });
  if (full !== undefined) closeSync(full);
  child.stdout?.destroy();
  const ended = new Promise<number | null>((done) => child.once('close', done));
  return { said: await text(child.stderr as NodeJS.ReadableStream), status: await ended };
}

describe.skipIf(process.platform !== 'linux')('output that nobody takes', () => {
  it.each([
    ['full disk', ['help'], 'ENOSPC'],
    ['closed pipe', ['help'], 'EPIPE'],
    ['full disk', ['replay', CAPTURE], 'ENOSPC'],
    ['closed pipe', ['replay', CAPTURE], 'EPIPE'],
    ['full disk', ['replay', CAPTURE, '--json'], 'ENOSPC'],
    ['full disk', ['explain', '198.51.100.7'], 'ENOSPC'],
    ['closed pipe', ['status', '--watch'], 'EPIPE'],
    ['full disk', ['status', '--watch'], 'ENOSPC'],
  ] as const)('(a %s) makes %j fail in one line', async (where, argv, code) => {
    const { said, status } = await run(argv, where);
    expect(said).toBe(`picket-agent: standard output could not be written: ${code}\n`);
    expect(status).toBe(1);
  });
});
