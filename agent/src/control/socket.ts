import { randomBytes } from 'node:crypto';
import { chmod, link, rename, unlink } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { Log } from '../report/log.ts';
import { codeOf } from '../uplink/errors.ts';
import { parseJson } from '../uplink/state-file.ts';

/** Where an agent listens for those who administer it. */
export const controlPath = (stateDir: string): string => `${stateDir}/control.sock`;

/** Status of the answer of an agent that is not ready yet: the question was not looked at and may be asked again. */
export const STARTING = 503;

/** What comes of a request; anything that can be JSON. */
export type Answer = { readonly status: number; readonly body: object };

/** Answers a request: `GET /v1/status` and its query and JSON body. */
export type ControlHandler = (request: {
  readonly route: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
}) => Promise<Answer>;

/** The socket of an agent. */
export interface ControlSocket {
  /** From now on requests are answered by this; before that they are told to wait. */
  serve(handler: ControlHandler): void;
  close(): Promise<void>;
}

/** Another agent has this state folder. */
export class ControlError extends Error {
  readonly code = 'agent_runs';
  override readonly name = 'ControlError';
}

/** Limits of one request: a person asks little and waits briefly. */
const MAX_BODY_BYTES = 4_096;
const REQUEST_MS = 5_000;
const MAX_CONNECTIONS = 16;

/** How often connections are looked at for those limits, ms: idle ones must not shut others out for long. */
const CHECK_MS = 1_000;

/** Longest path of a Unix socket, bytes (sun_path in unix(7), less its closing zero). */
const MAX_PATH_BYTES = 107;

/**
 * Opens the control socket: HTTP that only the owner of the folder and root can reach. Whoever holds it has the state
 * folder to itself, so it comes first of all.
 *
 * @returns undefined where the path is too long for a socket
 * @throws ControlError when another agent lives on it
 */
export async function openControlSocket(path: string, log: Log): Promise<ControlSocket | undefined> {
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
    log.warn('the control socket cannot be made: its path is too long', { path });
    return undefined;
  }
  await clearStale(path);
  let handler: ControlHandler | undefined;
  const server = createServer(
    { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS, connectionsCheckingInterval: CHECK_MS },
    (request, response) => {
      answer(request, handler).then(
        ({ status, body }) => reply(response, status, body),
        (error) => {
          log.error('a control request failed', { url: request.url, error });
          reply(response, 500, { error: 'a fault inside the agent; see its log' });
        },
      );
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  server.keepAliveTimeout = 1;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(path, () => resolve());
  }).catch((error) => {
    throw codeOf(error) === 'EADDRINUSE' ? taken(path) : error;
  });
  await chmod(path, 0o600);
  return {
    serve(next) {
      handler = next;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const taken = (path: string): ControlError =>
  new ControlError(`another agent runs on this state folder (it answers on ${path}); this one ends`);

/**
 * Takes away the socket of an agent that is gone. It is moved aside first and tried there: another agent that starts at
 * the same time may have put its own in the place meanwhile, which is then put back.
 */
async function clearStale(path: string): Promise<void> {
  if (await isAlive(path)) throw taken(path);
  const aside = `${path}.${randomBytes(4).toString('hex')}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  const lives = await isAlive(aside);
  if (lives) await link(aside, path).catch(() => {});
  await unlink(aside);
  if (lives) throw taken(path);
}

/** Whether somebody listens on a Unix socket. A full queue (EAGAIN) is a sign of life too. */
function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (alive: boolean) => {
      socket.destroy();
      resolve(alive);
    };
    socket.once('connect', () => end(true));
    socket.once('error', (error) => end(codeOf(error) === 'EAGAIN'));
  });
}

async function answer(request: IncomingMessage, handler: ControlHandler | undefined): Promise<Answer> {
  const { method = '', url = '' } = request;
  const text = await bodyOf(request);
  if (text === undefined) return { status: 413, body: { error: `more than ${MAX_BODY_BYTES} bytes` } };
  if (handler === undefined) return { status: STARTING, body: { error: 'the agent is starting; ask again' } };
  const target = URL.parse(`http://agent${url}`);
  if (target === null || !url.startsWith('/') || target.host !== 'agent')
    return { status: 400, body: { error: 'the request names no path' } };
  const { pathname, searchParams } = target;
  return handler({ route: `${method} ${pathname}`, query: searchParams, body: parseJson(text) });
}

async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return size > MAX_BODY_BYTES ? undefined : Buffer.concat(chunks).toString('utf8');
}

function reply(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(text);
}
