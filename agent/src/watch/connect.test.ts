import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Probe } from '../detect/probe.ts';
import { createConnectEngine } from './connect.ts';
import { MOST_HELD } from './connect-ports/farewell.ts';
import type { Engine } from './engine.ts';

/** Ports that nothing on a test machine uses, below the ephemeral ones of other tests; each test has its own. */
const PORTS = { tcp: 21_811, udp: 21_812, taken: 21_813 };

/** Resolves when a connection is over, however it ended: the engine resets it. */
const closed = (socket: Socket) => new Promise((resolve) => socket.once('close', resolve));

describe.each(['perl', 'no-perl-here'])('the connect engine, with connections accepted by %s', (perl) => {
  let engine: Engine | undefined;
  afterEach(() => engine?.stop());

  /** Starts the engine on the given ports and collects what it sees. */
  async function watch(tcp: number[], udp: number[], banner = '') {
    const [probes, said]: [Probe[], string[]] = [[], []];
    const range = (port: number): [number, number] => [port, port];
    engine = createConnectEngine({
      tcp: tcp.map(range),
      udp: udp.map(range),
      ...{ banner, perl },
      log: (m) => said.push(m),
      now: () => 5,
    });
    engine.setAddresses(['127.0.0.1', '::1', 'fe80::1', '192.0.2.9', '2001:db8::9']);
    await engine.start({
      probe: (p) => probes.push(p),
      trip: () => expect.fail('it does not decide'),
      strong: () => [],
    });
    return { probes, said };
  }

  it('takes a completed handshake for proof of the source, and closes at once', async () => {
    const { probes } = await watch([PORTS.tcp], []);
    const socket = connect(PORTS.tcp, '127.0.0.1').on('error', () => {});
    await closed(socket);
    await expect
      .poll(() => probes)
      .toEqual([
        {
          atMs: 5,
          address: '127.0.0.1',
          localAddress: '127.0.0.1',
          port: PORTS.tcp,
          transport: 'tcp',
          technique: 'connect',
          evidence: 'handshake',
        },
      ]);
  });

  it('sees datagrams, whose source can be forged', async () => {
    const { probes } = await watch([], [PORTS.udp]);
    const sender = createSocket('udp4');
    await expect
      .poll(() => {
        sender.send('x', PORTS.udp, '127.0.0.1');
        return probes[0];
      })
      .toMatchObject({
        address: '127.0.0.1',
        localAddress: '192.0.2.9',
        port: PORTS.udp,
        technique: 'udp',
        evidence: 'forgeable',
      });
    sender.close();
  });

  it('says which ports it could not bind, and watches the others', async () => {
    const taken = createServer().listen(PORTS.taken, '::');
    await once(taken, 'listening');
    const takenUdp = createSocket('udp6').bind(PORTS.taken, '::');
    await once(takenUdp, 'listening');
    const { said } = await watch([PORTS.taken, PORTS.tcp], [PORTS.taken]);
    expect(said.filter((words) => !words.startsWith('no-perl'))).toEqual([
      `not bound: tcp ${PORTS.taken} (EADDRINUSE), udp ${PORTS.taken} (EADDRINUSE)`,
    ]);
    taken.close();
    takenUdp.close();
  });

  it('does not start when it could bind nothing', async () => {
    const taken = createServer().listen(PORTS.taken, '::');
    await once(taken, 'listening');
    await expect(watch([PORTS.taken], [])).rejects.toThrow(
      `could bind none of its ports: tcp ${PORTS.taken} (EADDRINUSE)`,
    );
    await expect(watch([], [])).rejects.toThrow('could bind none of its ports: none is configured');
    taken.close();
  });

  it('never answers a datagram', async () => {
    const { probes } = await watch([], [PORTS.udp]);
    const sender = createSocket('udp4', () => expect.fail('an answer'));
    await expect
      .poll(() => {
        sender.send('x', PORTS.udp, '127.0.0.1');
        return probes.length;
      })
      .toBeGreaterThan(2);
    sender.close();
  });

  it('resets a connection without a word when there is no banner', async () => {
    await watch([PORTS.tcp], []);
    const socket = connect(PORTS.tcp, '127.0.0.1').on('data', () => expect.fail('a word'));
    const [error] = await once(socket, 'error');
    expect(error).toMatchObject({ code: 'ECONNRESET' });
  });

  it('sends its banner whole, even to who sends first', async () => {
    await watch([PORTS.tcp], [], 'Unauthorized access prohibited.\r\n');
    const socket = connect(PORTS.tcp, '127.0.0.1');
    socket.write('GET / HTTP/1.0\r\n\r\n'.repeat(100));
    expect(await text(socket)).toBe('Unauthorized access prohibited.\r\n');
  });

  it('does not wait for who holds on to its banner', async () => {
    await watch([PORTS.tcp], [], 'Go away.\r\n');
    const socket = connect({ port: PORTS.tcp, host: '127.0.0.1', allowHalfOpen: true });
    let error: NodeJS.ErrnoException | undefined;
    socket.resume().on('error', (one) => {
      error = one;
    });
    // Who does not read any more hears of a reset only when writing.
    await expect
      .poll(() => error?.code ?? void socket.write('x'), { timeout: 10_000 })
      .toMatch(/^(ECONNRESET|EPIPE)$/);
  });

  it('holds no more than a few connections for its banner; the others get none', async () => {
    const { probes } = await watch([PORTS.tcp], [], 'Go away.\r\n');
    const open = () =>
      connect({ port: PORTS.tcp, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => {});
    const sockets = Array.from({ length: MOST_HELD }, open);
    await Promise.all(sockets.map((socket) => once(socket, 'data')));
    const last = open().on('data', () => expect.fail('a banner'));
    await closed(last);
    await expect.poll(() => probes.length).toBe(MOST_HELD + 1);
    for (const socket of sockets) socket.destroy();
  });

  it('outlives connections that are cut and many at once', async () => {
    const { probes } = await watch([PORTS.tcp], []);
    const sockets = Array.from({ length: 300 }, () => connect(PORTS.tcp, '127.0.0.1').on('error', () => {}));
    for (const socket of sockets.slice(0, 100)) socket.once('connect', () => socket.resetAndDestroy());
    await Promise.all(sockets.map((socket) => closed(socket)));
    const last = connect(PORTS.tcp, '127.0.0.1').on('error', () => {});
    const before = probes.length;
    await closed(last);
    await expect.poll(() => probes.length).toBeGreaterThan(before);
  });

  it('says when it cannot see who resets at once', async () => {
    const { said } = await watch([PORTS.tcp], []);
    const words =
      'no-perl-here cannot be started (ENOENT): connections that a scanner resets at once are not seen';
    expect(said).toEqual(perl === 'perl' ? [] : [words]);
  });
});

it('sees each connection, even when it is reset at once as nmap -sT does', async () => {
  const seen: Probe[] = [];
  const range: [number, number] = [22_460, 22_479];
  const engine = createConnectEngine({ tcp: [range], udp: [], banner: '', log: () => {}, now: () => 5 });
  await engine.start({ probe: (probe) => seen.push(probe), trip: () => {}, strong: () => [] });
  const sockets = Array.from({ length: 20 }, (_, i) =>
    connect(range[0] + i, '127.0.0.1').on('error', () => {}),
  );
  for (const socket of sockets) socket.once('connect', () => socket.resetAndDestroy());
  await expect.poll(() => new Set(seen.map(({ port }) => port)).size, { timeout: 5_000 }).toBe(20);
  expect(seen.every(({ evidence }) => evidence === 'handshake')).toBe(true);
  await engine.stop();
});

describe('an acceptor that dies', () => {
  const PORT = 21_814;
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'picket-perl-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** Starts the engine with a program that says it is ready, and soon ends. */
  async function watch(hear: (words: string, engine: Engine) => void = () => {}) {
    const perl = join(folder, 'perl');
    await writeFile(
      perl,
      '#!/bin/sh\nfor port; do :; done\necho "bound $port"\necho ready\nexec sleep 0.2\n',
      {
        mode: 0o755,
      },
    );
    const [probes, said]: [Probe[], string[]] = [[], []];
    const log = (words: string): void => {
      said.push(words);
      hear(words, engine);
    };
    const tcp: [number, number][] = [[PORT, PORT]];
    const engine: Engine = createConnectEngine({ tcp, udp: [], banner: '', perl, log, now: () => 5 });
    await engine.start({ probe: (probe) => probes.push(probe), trip() {}, strong: () => [] });
    return { engine, probes, said };
  }
  const isFree = async () => {
    const server = createServer().listen(PORT, '::');
    const free = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    server.close();
    return free;
  };

  it('while the engine starts is replaced, and the ports are given up when it stops', async () => {
    const { engine, probes } = await watch();
    await expect
      .poll(() => {
        connect(PORT, '127.0.0.1').on('error', () => {});
        return probes.length;
      })
      .toBeGreaterThan(0);
    await engine.stop();
    expect(await isFree()).toBe(true);
  });

  it.each(['just before', 'while'])('is not replaced when the engine stops %s that', async (when) => {
    let stopping: Promise<void> | undefined;
    await watch((words, engine) => {
      if (!words.includes('perl has ended')) return;
      const stop = () => {
        stopping = engine.stop();
      };
      if (when === 'while') process.nextTick(stop);
      else stop();
    });
    await expect.poll(() => stopping !== undefined).toBe(true);
    await stopping;
    await expect.poll(isFree).toBe(true);
  });

  it('is told with the ports that could not be bound in its place', async () => {
    const taken = createServer().listen(PORT, '::');
    await once(taken, 'listening');
    const { engine, said } = await watch();
    await expect
      .poll(() => said)
      .toEqual([expect.stringContaining('perl has ended'), `not bound: tcp ${PORT} (EADDRINUSE)`]);
    await engine.stop();
    taken.close();
  });
});
