import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type Lab, openLab } from './lab.ts';
import { labMissing } from './missing.ts';
import { listNamespaces } from './names.ts';
import { exec } from './run.ts';
import { sweep } from './sweep.ts';
import { blockSpan, probesBetween } from './timeline.ts';

const missing = labMissing();
const HERE = import.meta.dirname;

describe.skipIf(missing)(`the lab${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab({ hosts: ['a', 'b'] });
  });
  afterAll(() => lab.close());

  const scan = (target: string, ...argv: string[]) =>
    lab.mustExec('scanner', ['nmap', '-n', ...argv, target]);

  test('a host serves HTTP and a banner over both families, and answers for closed ports', async () => {
    const { v4, v6 } = lab.node('a');
    for (const argv of [[v4], [v6, '-6']])
      expect(await scan(argv[0] ?? '', '-sT', '-Pn', '-p', '22,23,80', ...argv.slice(1))).toMatch(
        /22\/tcp open .*\n23\/tcp closed .*\n80\/tcp open/,
      );
  });

  test('no node has a way out of the lab', async () => {
    for (const name of ['a', 'collector', 'scanner', 'far', 'router']) {
      const routes = await lab.mustExec(name, ['ip', 'route', 'show', 'default']);
      const routes6 = await lab.mustExec(name, ['ip', '-6', 'route', 'show', 'default']);
      expect(routes + routes6).toBe('');
    }
  });

  test('a scanner behind a router reaches the hosts over both families', async () => {
    const { v4, v6 } = lab.node('b');
    for (const [address, family] of [
      [v4, '-4'],
      [v6, '-6'],
    ] as const) {
      const printed = await lab.mustExec('far', ['nmap', '-n', '-Pn', family, '-sS', '-p', '80', address]);
      expect(printed).toMatch(/80\/tcp open/);
    }
  });

  test('a node can own several addresses, and counters and capture tell them apart', async () => {
    const witness = await lab.witness('a');
    const capture = await lab.capture('addresses');
    const { v4 } = lab.node('a');
    for (const address of ['203.0.113.210', '203.0.113.211']) {
      await lab.addAddress('scanner', address);
      await scan(v4, '-sS', '-Pn', '-p', '80,81,82', '-S', address, '-e', 'eth0');
      expect(await witness.answered(address)).toEqual({ accepted: 1, refused: 2, unreachable: 0 });
      // Three SYNs, and the scanner's kernel resets the connection it knows nothing of.
      expect(await witness.received(address)).toBe(4);
    }
    const probes = probesBetween(await capture.stop(), '203.0.113.211', v4);
    expect(probes.map(({ port }) => port).sort()).toEqual([80, 81, 82]);
    expect(probes.every(({ answeredAtMs }) => answeredAtMs !== undefined)).toBe(true);
    expect(await witness.received('203.0.113.212')).toBe(0);
  });

  test('the capture shows when a host stops answering', async () => {
    const capture = await lab.capture('silence');
    const { v4 } = lab.node('b');
    await scan(v4, '-sS', '-Pn', '-p', '1-5');
    const drop = 'add table ip t; add chain ip t c { type filter hook input priority 0; policy drop; }';
    await lab.mustExec('b', ['nft', drop]);
    await scan(v4, '-sS', '-Pn', '-p', '6-10', '--max-retries', '0');
    await lab.mustExec('b', ['nft', 'delete', 'table', 'ip', 't']);
    const span = blockSpan(probesBetween(await capture.stop(), lab.node('scanner').v4, v4));
    expect(span).toMatchObject({ passed: 5 });
    expect(span?.firstUnansweredAtMs).toBeGreaterThan(span?.lastAnsweredAtMs ?? Number.POSITIVE_INFINITY);
  });

  test('two labs stand side by side, and closing one leaves the other', async () => {
    const other = await openLab({ hosts: ['a'] });
    expect(other.namespace('a')).not.toBe(lab.namespace('a'));
    await other.close();
    expect(listNamespaces().map(({ name }) => name)).not.toContain(other.namespace('a'));
    expect(await scan(lab.node('a').v4, '-sT', '-p', '80')).toMatch(/80\/tcp open/);
  });

  test('"down" removes the lab of this checkout or a named one, and no other', async () => {
    const lab = (...argv: string[]) => exec([resolve(HERE, 'lab'), ...argv]);
    const isUp = (pid: number) => listNamespaces().some(({ ownerPid }) => ownerPid === pid);
    const up = async () => Number(/kept by process (\d+)/.exec((await lab('up')).stdout)?.[1]);
    const held = spawn(process.execPath, ['--import', 'tsx', resolve(HERE, 'command.ts'), 'hold'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const mine: number[] = [];
    onTestFinished(() => {
      held.kill('SIGTERM');
      for (const pid of mine.filter(isUp)) process.kill(pid, 'SIGTERM');
    });
    await once(held.stdout, 'data');
    mine.push(await up(), await up());
    const [first = 0, second = 0] = mine;

    expect(await lab('down')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('several labs are up; which?'),
    });
    expect([first, second, held.pid ?? 0].map(isUp)).toEqual([true, true, true]);
    expect((await lab('down', `${first}`)).status).toBe(0);
    expect([first, second, held.pid ?? 0].map(isUp)).toEqual([false, true, true]);
    expect((await lab('down')).stdout).toBe('the lab is removed\n');
    expect([second, held.pid ?? 0].map(isUp)).toEqual([false, true]);
    expect((await lab('down')).stdout).toBe('no lab is up\n');
    expect((await lab('down', `${process.pid}`)).stderr).toContain('keeps a lab');
    expect((await lab('down', `${held.pid}`)).status).toBe(0);
    expect(isUp(held.pid ?? 0)).toBe(false);
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)(
    'a lab whose process gets %s is removed',
    async (signal) => {
      const child = spawn(process.execPath, ['--import', 'tsx', resolve(HERE, 'command.ts'), 'hold'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      onTestFinished(() => void child.kill('SIGTERM'));
      const left = () => listNamespaces().filter(({ ownerPid }) => ownerPid === child.pid);
      await once(child.stdout, 'data');
      expect(left()).not.toEqual([]);
      child.kill(signal);
      await once(child, 'exit');
      if (signal === 'SIGKILL') {
        expect(left()).not.toEqual([]);
        sweep();
      }
      expect(left()).toEqual([]);
    },
  );
});
