import { createServer, type RequestListener, type Server } from 'node:http';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
import type { Hono } from 'hono';
import type { Config } from './config.ts';
import { type Gate, OPEN_GATE } from './gate.ts';

/** A host sends its headers and its whole request within this, ms; slower ones hold a socket for nothing. */
const HEADERS_MS = 10_000;
const REQUEST_MS = 60_000;

/** Longer than agents keep an idle connection (4 s), so that the server never closes one just as a request comes, ms. */
const KEEP_ALIVE_MS = 10_000;

/** How long requests under way may take at a stop, ms. */
const STOP_MS = 10_000;

/** How often connections that have become idle are closed at a stop, ms. */
const IDLE_CHECK_MS = 50;

/** A server that takes requests. */
export interface RunningServer {
  /** Where it listens: the port may have been chosen by the system. */
  readonly host: string;
  readonly port: number;
  /** Takes no more connections and resolves when the requests under way are answered, or cut after ten seconds. */
  stop(): Promise<void>;
}

/**
 * Listens with the app on plain HTTP: TLS is a proxy's, in front of it. Throws when the address is taken.
 *
 * @param gate turns away who is over his limit, before the app and before the body is read
 */
export async function startServer(
  app: Hono,
  listen: Config['listen'],
  gate: Gate = OPEN_GATE,
): Promise<RunningServer> {
  const answer = getRequestListener((request, env) =>
    app.fetch(request, { ...env, client: gate.clientOf((env as HttpBindings).incoming) }),
  );
  const server = await listenWith((incoming, outgoing) => {
    if (!gate.isTurnedAway(incoming, outgoing)) return answer(incoming, outgoing);
  }, listen);
  server.on('connection', (socket) => gate.connected(socket));
  server.on('clientError', (error, socket) => gate.misspoke(error, socket));
  return runningServer(server);
}

/** An HTTP server with this project's time limits. */
export async function listenWith(listener: RequestListener, listen: Config['listen']): Promise<Server> {
  const limits = { headersTimeout: HEADERS_MS, requestTimeout: REQUEST_MS, keepAliveTimeout: KEEP_ALIVE_MS };
  const server = createServer(limits, listener);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(listen.port, listen.host, resolve);
  });
  return server;
}

/** A server that listens, with its address and a way to stop it. */
export function runningServer(server: Server): RunningServer {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server listens on no port');
  return { host: address.address, port: address.port, stop: () => stopServer(server) };
}

async function stopServer(server: Server): Promise<void> {
  const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
  const cut = setTimeout(() => server.closeAllConnections(), STOP_MS);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  clearInterval(idle);
  clearTimeout(cut);
}
