import { type ChildProcess, execFileSync, type ForkOptions, fork } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ChildReport } from './testing/connect-child.ts';

const CHILD = resolve(import.meta.dirname, 'testing/connect-child.ts');

/** High ports that nothing on a test machine uses. */
const [FIRST, LAST, UDP] = [21_830, 21_849, 21_850];

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

/** What the child is started with. */
interface Wish {
  banner?: string;
  perl?: string;
  how?: ForkOptions;
}

/** Starts the child and waits until it watches. */
async function watch(tcp: string, udp: string, { banner = '', perl = 'perl', how = {} }: Wish = {}) {
  child = fork(CHILD, [folder, tcp, udp, banner, perl], { execArgv: ['--import', 'tsx'], ...how });
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
      { banner: '', perl: 'perl' },
      { banner: 'Go away.\r\n', perl: 'perl' },
      { banner: '', perl: 'no-perl-here' },
      { banner: 'Go away.\r\n', perl: 'no-perl-here' },
    ])('2,000 connections that a client holds leave the agent its files: %j', async (wish) => {
      const of = await watch(`${FIRST}-${LAST}`, '', wish);
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

    it.each(['perl', 'no-perl-here'])(
      'more ports than descriptors leave some to the agent (%s)',
      async (perl) => {
        const how = {
          execPath: 'prlimit',
          execArgv: ['--nofile=200:200', process.execPath, '--import', 'tsx'],
        };
        const of = await watch('21860-22359', `${UDP}`, { perl, how });
        const { said, state } = await ask(of);
        expect(state).toBe('written');
        expect(said.at(-1)).toMatch(/^not bound: tcp \d+-22359 \(EMFILE\)/);
      },
    );

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

describe.skipIf(!canLimit)(
  `the script that accepts${canLimit ? '' : ' (skipped: needs /proc of Linux)'}`,
  () => {
    const scriptOf = ({ pid }: ChildProcess) => {
      const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
      const found = children.find((one) => readFileSync(`/proc/${one}/comm`, 'utf8') === 'perl\n');
      if (found === undefined) throw new Error('no perl');
      return Number(found);
    };
    const isRefused = async () => {
      const [socket] = hold(1);
      return (await once(socket as Socket, 'error'))[0].code === 'ECONNREFUSED';
    };

    it('ends with the agent, even when that is killed', async () => {
      const of = await watch(`${FIRST}-${LAST}`, '');
      of.kill('SIGKILL');
      await expect.poll(isRefused, { timeout: 10_000 }).toBe(true);
    });

    it('is replaced by the agent itself when it ends', async () => {
      const of = await watch(`${FIRST}-${LAST}`, '');
      process.kill(scriptOf(of), 'SIGKILL');
      await expect
        .poll(async () => (await ask(of)).said)
        .toEqual([expect.stringContaining('perl has ended: ')]);
      await expect
        .poll(async () => {
          hold(1);
          return (await ask(of)).probes;
        })
        .toBeGreaterThan(0);
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
