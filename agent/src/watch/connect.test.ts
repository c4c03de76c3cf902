import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import type { Probe } from '../detect/probe.ts';
import { createConnectEngine } from './connect.ts';
import type { Engine } from './engine.ts';

/** High ports that nothing on a test machine uses; each test has its own. */
const PORTS = { tcp: 45_811, udp: 45_812, taken: 45_813 };

let engine: Engine | undefined;
afterEach(() => engine?.stop());

/** Starts the engine on the given ports and collects what it sees. */
async function watch(tcp: number[], udp: number[]) {
  const [probes, said]: [Probe[], string[]] = [[], []];
  const range = (port: number): [number, number] => [port, port];
  engine = createConnectEngine({
    tcp: tcp.map(range),
    udp: udp.map(range),
    log: (m) => said.push(m),
    now: () => 5,
  });
  await engine.start({
    probe: (p) => probes.push(p),
    trip: () => expect.fail('it does not decide'),
    strong: () => [],
  });
  return { probes, said };
}

/** Resolves when a connection is over, however it ended: the engine resets it. */
const closed = (socket: Socket) => new Promise((resolve) => socket.once('close', resolve));

it('takes a completed handshake for proof of the source, and closes at once', async () => {
  const { probes } = await watch([PORTS.tcp], []);
  const socket = connect(PORTS.tcp, '127.0.0.1').on('error', () => {});
  await closed(socket);
  expect(probes).toEqual([
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
    .toMatchObject({ address: '127.0.0.1', port: PORTS.udp, technique: 'udp', evidence: 'forgeable' });
  sender.close();
});

it('says which ports it could not bind, and watches the others', async () => {
  const taken = createServer().listen(PORTS.taken, '::');
  await once(taken, 'listening');
  const { said } = await watch([PORTS.taken, PORTS.tcp], []);
  expect(said).toEqual([`not bound on tcp: ${PORTS.taken} (EADDRINUSE)`]);
  taken.close();
});

it('does not start when it could bind nothing', async () => {
  const taken = createServer().listen(PORTS.taken, '::');
  await once(taken, 'listening');
  await expect(watch([PORTS.taken], [])).rejects.toThrow('could bind none of its ports');
  taken.close();
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
