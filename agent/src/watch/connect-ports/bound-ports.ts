import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import { type Address, type Family, familyOf, parseAddress } from '@picket/protocol';
import type { Probe } from '../../detect/probe.ts';

/** A bound port that can be given up, or why it could not be bound (an errno name). */
export type Bound = { readonly close: () => Promise<void> } | { readonly error: string };

/** What bound ports tell. */
export interface BoundSink {
  probe(probe: Probe): void;
  /** A connection of which nothing is known: it failed in accept(2), or was reset before it could be asked about. */
  lost(): void;
}

/** What binding a port needs. */
export interface BoundDeps {
  readonly sink: BoundSink;
  /** Unix ms. */
  readonly now: () => number;
  /** Ends a connection. */
  readonly farewell: (socket: Socket) => void;
  /** An address of this host, for datagrams, which do not tell to which one they came. */
  readonly ownAddress: (family: Family) => Address;
}

/** Binds a TCP port; a completed handshake proves the address of its source. */
export function bindTcp(port: number, { sink, now, farewell }: BoundDeps): Promise<Bound> {
  return bindWidely((host) => {
    const server = createServer({ pauseOnConnect: true }, (socket) => {
      const ends = { remote: socket.remoteAddress, local: socket.localAddress };
      farewell(socket);
      const probe = probeOf(ends, port, now());
      if (probe === undefined) sink.lost();
      else sink.probe(probe);
    });
    return bound(server, sink, () => server.listen({ port, host, exclusive: true }));
  });
}

/** Binds a UDP port, whose datagrams anybody can forge. Nothing is ever sent from it. */
export function bindUdp(port: number, { sink, now, ownAddress }: BoundDeps): Promise<Bound> {
  return bindWidely((host) => {
    // A small receive buffer: the kernel drops a flood before it takes memory.
    const socket = createSocket({ type: host === '::' ? 'udp6' : 'udp4', recvBufferSize: 65_536 });
    socket.on('message', (_data, from) => {
      const address = addressOf(from.address);
      if (address === undefined) return;
      const common = { atMs: now(), address, localAddress: ownAddress(familyOf(address)), port };
      sink.probe({ ...common, transport: 'udp', technique: 'udp', evidence: 'forgeable' });
    });
    return bound(socket, sink, () => socket.bind({ port, address: host, exclusive: true }));
  });
}

/** Binds on all addresses of both families, or of IPv4 alone where the system has no IPv6. */
async function bindWidely(bind: (host: '::' | '0.0.0.0') => Promise<Bound>): Promise<Bound> {
  const both = await bind('::');
  return 'error' in both && both.error === 'EAFNOSUPPORT' ? bind('0.0.0.0') : both;
}

function bound(server: Server | UdpSocket, sink: BoundSink, listen: () => void): Promise<Bound> {
  return new Promise((resolve) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      // A datagram socket that could not be bound keeps its file descriptor until it is closed.
      server.close();
      resolve({ error: error.code ?? error.message });
    });
    server.once('listening', () => {
      // After the start an error is one failed accept (out of file descriptors): the next one may work.
      server.removeAllListeners('error').on('error', () => sink.lost());
      resolve({ close: () => new Promise<void>((closed) => server.close(() => closed())) });
    });
    listen();
  });
}

function probeOf(
  ends: { remote: string | undefined; local: string | undefined },
  port: number,
  atMs: number,
) {
  const [address, localAddress] = [addressOf(ends.remote), addressOf(ends.local)];
  if (address === undefined || localAddress === undefined) return undefined;
  const seen = { transport: 'tcp', technique: 'connect', evidence: 'handshake' } as const;
  return { atMs, address, localAddress, port, ...seen } satisfies Probe;
}

function addressOf(text: string | undefined): Address | undefined {
  return parseAddress(text?.split('%')[0] ?? '');
}
