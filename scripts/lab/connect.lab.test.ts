import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { readBlocks } from '@picket/agent/nft/elements';
import { CLASSIC_TCP_PORTS, CLASSIC_UDP_PORTS } from '@picket/agent/policy/classic-ports';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asHost } from './agent.ts';
import { type Lab, openLab } from './lab.ts';
import { labMissing } from './missing.ts';
import { waitFor } from './wait.ts';

const missing = labMissing();
const MAIN = resolve(import.meta.dirname, '../../agent/src/main.ts');

/** The shipped default but for the engine, and `cut`, so that the kernel's sets tell proven evidence from forgeable. */
const CONFIG =
  '[watch]\nengine = "connect"\n[connect]\nbanner = "Go away.\\r\\n"\n[block]\nestablished = "cut"\n';

describe.skipIf(missing)(`the connect engine before nmap${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let lab: Lab;
  let last = 100;
  beforeAll(async () => {
    lab = await openLab({ hosts: ['a'] });
    const state = join(lab.folder, 'state');
    await mkdir(state, { mode: 0o700 });
    const config = join(lab.folder, 'picket.toml');
    await writeFile(config, `state_dir = ${JSON.stringify(state)}\n${CONFIG}`);
    const program = [process.execPath, '--import', 'tsx', MAIN, 'run', '--config', config];
    const agent = lab.spawn('a', 'connect-agent', [...asHost('a'), ...program]);
    await agent.printed(/watching/, 30_000);
  });
  afterAll(() => lab.close());

  const blocked = async (tier: 'held' | 'dropped'): Promise<string[]> => {
    const sets = ['4', '64', '128'].map((length) => `${tier}${length}`);
    const lists = await Promise.all(
      sets.map((set) => lab.exec('a', ['nft', '-j', 'list', 'set', 'inet', 'picket', set])),
    );
    return lists
      .flatMap(({ stdout }) => (stdout === '' ? [] : readBlocks(stdout, 0)))
      .map(({ source }) => source);
  };
  /** A fresh address of the scanner's, so that no test knows of another. */
  const fresh = async (family: 4 | 6): Promise<string> => {
    const address = family === 4 ? `203.0.113.${++last}` : `2001:db8:1::${++last}`;
    await lab.addAddress('scanner', address);
    return address;
  };
  const nmap = (address: string, ...argv: string[]) => {
    const target = address.includes(':') ? ['-6', lab.node('a').v6] : [lab.node('a').v4];
    const speed = ['--max-retries', '0', '--host-timeout', '20s'];
    return lab.mustExec('scanner', ['nmap', '-n', '-Pn', ...speed, ...argv, ...target]);
  };

  test.each([4, 6] as const)('nmap -sT over IPv%i is proof: everything of it is dropped', async (family) => {
    const address = await fresh(family);
    // nmap has no -S for connect scans: the newest address is made the one that the kernel prefers.
    const target = family === 4 ? `${lab.node('a').v4}/32` : `${lab.node('a').v6}/128`;
    await lab.mustExec('scanner', ['ip', 'route', 'replace', target, 'dev', 'eth0', 'src', address]);
    await nmap(address, '-sT', '-p', CLASSIC_TCP_PORTS);
    await waitFor(
      `${address} to be dropped`,
      async () => (await blocked('dropped')).includes(address),
      10_000,
    );
    await lab.mustExec('scanner', ['ip', 'route', 'del', target, 'dev', 'eth0']);
  });

  test.each([4, 6] as const)('nmap -sU over IPv%i is none: it is held', async (family) => {
    const witness = await lab.witness('a');
    const address = await fresh(family);
    await nmap(address, '-sU', '-S', address, '-e', 'eth0', '-p', CLASSIC_UDP_PORTS);
    await waitFor(`${address} to be held`, async () => (await blocked('held')).includes(address), 10_000);
    expect(await blocked('dropped')).not.toContain(address);
    expect(await witness.answered(address)).toMatchObject({ unreachable: 0 });
  });

  test('it has bound all of the classic ports', async () => {
    const listening = await lab.mustExec('a', ['ss', '-Hltn']);
    for (const port of [1, 111, 32_771, 54_320]) expect(listening).toMatch(new RegExp(`:${port}\\s`));
  });
});
