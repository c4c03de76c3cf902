import type { LookupFunction } from 'node:net';
import type { SecureContext } from 'node:tls';
import { Agent, type Dispatcher, Pool, ProxyAgent } from 'undici';

/** How the collector is reached. */
export interface TransportOptions {
  /** What certificates are judged by; without it by Node's own list. */
  readonly trust?: SecureContext | undefined;
  /** Proxy that all calls go through, by CONNECT; user and password may stand in it. */
  readonly proxy?: URL | undefined;
  /** Resolves names; the system by default. */
  readonly lookup?: LookupFunction | undefined;
  /** A connection that is not there after this is not coming, ms. */
  readonly connectMs?: number | undefined;
}

/** Covers two lost SYN packets (RFC 6298: 1 s + 2 s), ms. */
const CONNECT_MS = 5_000;

/**
 * Idle connections are closed before common servers and proxies close them (5 s and up), ms. A name is resolved for each
 * new connection, so one that moved is found within seconds.
 */
const KEEP_ALIVE_MS = 4_000;

/** Connections to the collector: one waits for the block list, the others push. */
const CONNECTIONS = 8;

/** Opens the connections. */
export function createTransport(options: TransportOptions): Dispatcher {
  const { trust, proxy, lookup, connectMs = CONNECT_MS } = options;
  const connect = {
    timeout: connectMs,
    ...(trust && { secureContext: trust }),
    ...(lookup && { lookup }),
  };
  const kept = { connections: CONNECTIONS, keepAliveTimeout: KEEP_ALIVE_MS };
  if (proxy === undefined) return new Agent({ ...kept, connect });
  return new ProxyAgent({
    ...kept,
    uri: `${proxy.protocol}//${proxy.host}`,
    ...tokenOf(proxy),
    proxyTls: connect,
    requestTls: connect,
    // A proxy that takes the connection and never answers CONNECT would hold each of the few connections for minutes.
    clientFactory: (origin, more) => new Pool(origin, { ...more, headersTimeout: connectMs }),
  });
}

/** Basic authentication (RFC 7617), also for a user without a password, which undici would leave out. */
function tokenOf({ username, password }: URL): { token?: string } {
  if (username === '') return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { token: `Basic ${Buffer.from(pair).toString('base64')}` };
}
