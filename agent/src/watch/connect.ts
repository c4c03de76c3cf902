import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import { type PortRange, parseAddress, type Transport } from '@picket/protocol';
import type { Probe } from '../detect/probe.ts';
import type { Engine, ProbeSink } from './engine.ts';

/** What the connect engine binds, and where it says what it could not. */
export interface ConnectDeps {
  readonly tcp: readonly PortRange[];
  readonly udp: readonly PortRange[];
  readonly log: (message: string) => void;
  /** Unix ms. */
  readonly now: () => number;
}

/** Most connections held at once: each is closed at once, so more are only a flood. */
const MAX_CONNECTIONS = 256;

/**
 * PortSentry's classic mode: binds ports that nobody uses and takes whoever talks to them for a scanner. Needs no
 * privilege but for ports below 1024. A completed handshake proves the address of its source.
 */
export function createConnectEngine(deps: ConnectDeps): Engine {
  const servers: (Server | UdpSocket)[] = [];
  const bindAll = async (transport: Transport, ranges: readonly PortRange[], sink: ProbeSink) => {
    const failed: string[] = [];
    let bound = 0;
    for (const port of portsIn(ranges)) {
      const outcome =
        transport === 'tcp' ? await bindTcp(port, sink, deps.now) : await bindUdp(port, sink, deps.now);
      if ('error' in outcome) failed.push(`${port} (${outcome.error})`);
      else if (servers.push(outcome.server)) bound++;
    }
    if (failed.length > 0) deps.log(`not bound on ${transport}: ${failed.join(', ')}`);
    return bound;
  };
  return {
    name: 'connect',
    decides: false,
    setAddresses() {},
    knowsClient: () => false,
    async start(sink) {
      const bound = (await bindAll('tcp', deps.tcp, sink)) + (await bindAll('udp', deps.udp, sink));
      if (bound === 0) throw new Error('the connect engine could bind none of its ports');
    },
    async lost() {
      return 0;
    },
    async stop() {
      await Promise.all(servers.map((s) => new Promise<void>((resolve) => s.close(() => resolve()))));
    },
  };
}

type Bound = { server: Server | UdpSocket } | { error: string };

/** Binds on all addresses of both families, or of IPv4 alone where the system has no IPv6. */
async function bindWidely(bind: (host: '::' | '0.0.0.0') => Promise<Bound>): Promise<Bound> {
  const both = await bind('::');
  return 'error' in both && both.error === 'EAFNOSUPPORT' ? bind('0.0.0.0') : both;
}

function bindTcp(port: number, sink: ProbeSink, now: () => number): Promise<Bound> {
  return bindWidely((host) => {
    const server = createServer({ pauseOnConnect: true }, (socket) => {
      const probe = probeOf(socket, port, now());
      // A reset instead of a close leaves no TIME_WAIT behind, however many connections come.
      socket.on('error', () => {}).resetAndDestroy();
      if (probe !== undefined) sink.probe(probe);
    });
    server.maxConnections = MAX_CONNECTIONS;
    return bound(server, () => server.listen({ port, host, exclusive: true }));
  });
}

function bindUdp(port: number, sink: ProbeSink, now: () => number): Promise<Bound> {
  return bindWidely((host) => {
    const socket = createSocket({ type: host === '::' ? 'udp6' : 'udp4', recvBufferSize: 65_536 });
    socket.on('message', (_data, from) => {
      const address = parseAddress(from.address.split('%')[0] ?? '');
      const localAddress = parseAddress(socket.address().address) ?? '::';
      if (address === undefined) return;
      const common = { atMs: now(), address, localAddress, port };
      sink.probe({ ...common, transport: 'udp', technique: 'udp', evidence: 'forgeable' });
    });
    return bound(socket, () => socket.bind({ port, address: host, exclusive: true }));
  });
}

function bound(server: Server | UdpSocket, listen: () => void): Promise<Bound> {
  return new Promise((resolve) => {
    server.once('error', (error: NodeJS.ErrnoException) => resolve({ error: error.code ?? error.message }));
    server.once('listening', () => {
      // After the start an error is one failed accept (out of file descriptors): the next one may work.
      server.removeAllListeners('error').on('error', () => {});
      resolve({ server });
    });
    listen();
  });
}

function probeOf(socket: Socket, port: number, atMs: number): Probe | undefined {
  const address = parseAddress(socket.remoteAddress?.split('%')[0] ?? '');
  const localAddress = parseAddress(socket.localAddress?.split('%')[0] ?? '');
  if (address === undefined || localAddress === undefined) return undefined;
  return { atMs, address, localAddress, port, transport: 'tcp', technique: 'connect', evidence: 'handshake' };
}

function portsIn(ranges: readonly PortRange[]): number[] {
  return ranges.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, i) => from + i));
}
