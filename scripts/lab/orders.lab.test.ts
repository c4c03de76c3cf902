import { describe, expect, test } from 'vitest';
import { openPorts } from './chain.ts';
import { chainSuite } from './chain-suite.ts';
import { labMissing } from './missing.ts';
import { waitFor } from './wait.ts';

/* What a person orders on a host, on real packets: whether it is in force is seen from outside. */

const missing = labMissing();

/** Time for news to go from host to collector, ms. */
const NEWS_MS = 30_000;

describe.skipIf(missing)(`orders of a person${missing ? ` (skipped: ${missing})` : ''}`, () => {
  const suite = chainSuite('a');

  const agent = () => suite.agent('a');
  const order = async (command: string, ...args: string[]): Promise<string> => {
    const done = await agent().ask(command, ...args);
    if (done.status !== 0) throw new Error(`${command}: ${done.stderr}`);
    return done.stdout;
  };
  const open = () => openPorts(suite.lab, 'scanner', suite.lab.node('a').v4, '22,80');
  const scan = () =>
    suite.lab.mustExec('scanner', [
      ...['nmap', '-sS', '-Pn', '-n', '--max-retries', '0', '-p', '1001-1012', suite.lab.node('a').v4],
    ]);

  test('a block is in force when the command returns, and an unblock too', async () => {
    const scanner = suite.lab.node('scanner').v4;
    expect(await open()).toEqual([22, 80]);
    expect(await order('block', scanner, '--for', '10m')).toContain('new connections are refused');
    expect(await open()).toEqual([]);
    expect(await order('explain', scanner)).toMatch(/local block .*decided by/);
    expect(await order('unblock', scanner)).toContain('lifted 1 blocks of this host');
    expect(await open()).toEqual([22, 80]);
  });

  test('an unblock lifts what a scan led to, and the scan is forgotten', async () => {
    const scanner = suite.lab.node('scanner').v4;
    await scan();
    expect(await open()).toEqual([]);
    await order('unblock', scanner);
    expect(await open()).toEqual([22, 80]);
    expect(await order('explain', scanner)).toContain(': not blocked');
  });

  test('whom a person allows may scan, until that is taken back', async () => {
    const scanner = suite.lab.node('scanner').v4;
    const network = scanner.replace(/\.\d+$/, '.0/24');
    expect(await order('allow', network, '--for', '1h')).toContain('is allowed until');
    await scan();
    expect(await open()).toEqual([22, 80]);
    expect(await order('status')).toMatch(new RegExp(`^allowed: +${network} until .*, by `, 'm'));
    await order('disallow', network);
    await scan();
    expect(await open()).toEqual([]);
  });

  test('a host cannot be ordered to block what it never blocks', async () => {
    const refused = await agent().ask('block', suite.lab.node('a').v4);
    expect(refused).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('is never blocked'),
    });
    const wide = await agent().ask('block', '192.0.2.0/24');
    expect(wide).toMatchObject({ status: 1, stderr: expect.stringContaining('an IPv6 address or a /64') });
  });

  test('the collector knows who ordered what', async () => {
    const acts = () => suite.database.sql<{ act: string }[]>`select act, author from host_act order by at`;
    await waitFor('the orders', async () => (await acts()).length === 5, NEWS_MS);
    expect((await acts()).map(({ act }) => act)).toEqual([
      'block',
      'unblock',
      'unblock',
      'allow',
      'disallow',
    ]);
  });

  test('an unblock works on the kernel itself while no agent runs, and the next agent heeds it', async () => {
    const scanner = suite.lab.node('scanner').v4;
    await agent().kill('SIGKILL');
    expect(await open()).toEqual([]);
    expect(await order('unblock', scanner)).toContain('No agent runs.');
    expect(await open()).toEqual([22, 80]);
    await agent().start();
    expect(await open()).toEqual([22, 80]);
    const refused = await agent().ask('unblock', 'nobody');
    expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining('is no address') });
  });
});
