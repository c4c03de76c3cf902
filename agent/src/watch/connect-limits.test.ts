import { type ChildProcess, execFileSync, type ForkOptions, fork } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ChildReport } from './testing/connect-child.ts';

const CHILD = resolve(import.meta.dirname, 'testing/connect-child.ts');

/** High ports that nothing on a test machine uses. */
const [FIRST, LAST, UDP] = [45_830, 45_849, 45_850];

/** `prlimit` sets the limit of a running process; Linux has it (util-linux). */
const canLimit = process.platform === 'linux';

let [folder, child]: [string, ChildProcess | undefined] = ['', undefined];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'picket-connect-'));
});
afterEach(() => {
  child?.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** Starts the child and waits until it watches. */
async function watch(tcp: string, udp: string, banner = '', how: ForkOptions = {}): Promise<ChildProcess> {
  child = fork(CHILD, [folder, tcp, udp, banner], { execArgv: ['--import', 'tsx'], ...how });
  await once(child, 'message');
  return child;
}

async function ask(of: ChildProcess, what = 'report'): Promise<ChildReport> {
  const answer = once(of, 'message');
  of.send(what);
  return (await answer)[0] as ChildReport;
}

/** Leaves the process that many file descriptors beside those that it has open. */
function leave(of: ChildProcess, descriptors: number): void {
  const limit = readdirSync(`/proc/${of.pid}/fd`).length + descriptors;
  execFileSync('prlimit', ['--pid', `${of.pid}`, `--nofile=${limit}:${limit}`]);
}

/** Opens connections and never closes them from this side. */
function hold(count: number): Socket[] {
  return Array.from({ length: count }, (_, i) =>
    connect({ port: FIRST + (i % (LAST - FIRST + 1)), host: '127.0.0.1', allowHalfOpen: true }).on(
      'error',
      () => {},
    ),
  );
}

/** Resolves when the connections are established or refused; a SYN that the full queue dropped is sent again in seconds. */
function settled(sockets: readonly Socket[]): Promise<unknown> {
  return Promise.all(
    sockets.map((one) => new Promise<void>((done) => one.once('connect', done).once('close', () => done()))),
  );
}

describe.skipIf(!canLimit)(
  `few file descriptors${canLimit ? '' : ' (skipped: needs prlimit of Linux)'}`,
  () => {
    it.each([
      ['without a banner', ''],
      ['with a banner', 'Go away.\r\n'],
    ])('2,000 connections that a client holds leave the agent its files, %s', async (_, banner) => {
      const of = await watch(`${FIRST}-${LAST}`, '', banner);
      leave(of, 48);
      const sockets = hold(2_000);
      await settled(sockets);
      const during = await ask(of);
      expect(during.state).toBe('written');
      await expect
        .poll(async () => (await ask(of)).probes, { timeout: 20_000 })
        .toBeGreaterThanOrEqual(1_900);
      expect((await ask(of)).ports).toHaveLength(LAST - FIRST + 1);
      for (const socket of sockets) socket.destroy();
    });

    it('more ports than descriptors leave some to the agent, and the rest is named', async () => {
      const limited = ['--nofile=200:200', process.execPath, '--import', 'tsx'];
      const of = await watch('45860-46359', `${UDP}`, '', { execPath: 'prlimit', execArgv: limited });
      const { said, state } = await ask(of);
      expect(state).toBe('written');
      expect(said).toEqual([
        expect.stringMatching(/^not bound: tcp \d+-46359 \(EMFILE\), udp 45850 \(EMFILE\)$/),
      ]);
    });

    it('goes on when there are some again', async () => {
      const of = await watch(`${FIRST}-${LAST}`, '');
      leave(of, 24);
      expect((await ask(of, 'exhaust')).state).toBe('EMFILE');
      const sockets = hold(200);
      await settled(sockets);
      for (const socket of sockets) socket.destroy();
      const { probes, state } = await ask(of, 'release');
      expect(state).toBe('written');
      hold(1);
      await expect.poll(async () => (await ask(of)).probes).toBeGreaterThan(probes);
    });
  },
);

it('a flood of datagrams takes no memory that stays', async () => {
  const of = await watch('', `${UDP}`);
  const sender = createSocket('udp4');
  const flood = async (count: number) => {
    for (let sent = 0; sent < count; sent += 100) {
      await Promise.all(
        Array.from(
          { length: 100 },
          () => new Promise((done) => sender.send(Buffer.alloc(1_400), UDP, '127.0.0.1', done)),
        ),
      );
    }
  };
  await flood(20_000);
  const before = await ask(of);
  await flood(60_000);
  const after = await ask(of);
  sender.close();
  expect(after.probes).toBeGreaterThan(before.probes);
  // Garbage that is not collected yet is some megabytes; 60,000 datagrams that stayed would be 84.
  expect(after.rssBytes - before.rssBytes).toBeLessThan(64 * 1024 * 1024);
});
