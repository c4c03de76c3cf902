import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP way to a database that can be cut, as when a server or a network goes away. */
export interface CutProxy {
  /** The database through the proxy. */
  readonly url: string;
  /** Breaks all its connections. */
  cut(): void;
  close(): Promise<void>;
}

/** @param url of the database; a Unix socket or TCP */
export async function cutProxy(url: string): Promise<CutProxy> {
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(target(url));
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(from);
      from.on('error', () => {}).on('close', () => to.destroy() && open.delete(from));
      from.pipe(to);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: throughPort(url, (server.address() as AddressInfo).port),
    cut: () => {
      for (const socket of open) socket.destroy();
    },
    close: async () => {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function target(url: string): { path: string } | { host: string; port: number } {
  const { hostname, port, searchParams } = new URL(url);
  const folder = searchParams.get('host');
  if (folder !== null) return { path: `${folder}/.s.PGSQL.${searchParams.get('port')}` };
  return { host: hostname, port: Number(port || 5432) };
}

function throughPort(url: string, port: number): string {
  const { username, password, pathname, searchParams } = new URL(url);
  const user = searchParams.get('user') ?? username;
  return `postgresql://${user}${password && `:${password}`}@127.0.0.1:${port}${pathname}`;
}
