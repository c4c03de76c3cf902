import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP way to a database that can be cut, as when a server or a network goes away. */
export interface CutProxy {
  /** The database through the proxy. */
  readonly url: string;
  /** Ends all its connections as a server does that stops, or by `reset` as one does that crashes. */
  cut(how?: 'end' | 'reset'): void;
  close(): Promise<void>;
}

/** @param url of the database; a Unix socket or TCP */
export async function cutProxy(url: string): Promise<CutProxy> {
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(target(url));
    open.add(client);
    client.on('error', () => {}).on('close', () => open.delete(client) && upstream.destroy());
    upstream.on('error', () => {}).on('close', () => client.destroy());
    client.pipe(upstream).pipe(client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: throughPort(url, (server.address() as AddressInfo).port),
    cut: (how = 'end') => {
      for (const client of open) how === 'reset' ? client.resetAndDestroy() : client.destroy();
    },
    close: async () => {
      for (const client of open) client.destroy();
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
