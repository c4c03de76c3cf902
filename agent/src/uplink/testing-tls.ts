import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect, type LookupFunction, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Name that the certificates of the tests are for; nothing resolves it but {@link lookup}. */
export const TLS_NAME = 'collector.test';

/** Resolves every name to loopback. */
export const lookup: LookupFunction = (_name, { all }, callback) =>
  all ? callback(null, [{ address: '127.0.0.1', family: 4 }]) : callback(null, '127.0.0.1', 4);

/** A certificate authority of a test, in a folder of its own. */
export interface Authority {
  /** Its certificate, PEM. */
  readonly file: string;
  /** A certificate for {@link TLS_NAME}; of negative days one that has expired. */
  issue(days: number): Promise<{ key: string; cert: string }>;
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** Makes an authority with openssl: node:crypto cannot make certificates. */
export async function makeAuthority(folder: string, name: string): Promise<Authority> {
  const path = (end: string) => join(folder, `${name}${end}`);
  const [file, caKey] = [path('.crt'), path('.key')];
  const ca = ['-subj', `/CN=${name}`, '-days', '2', '-keyout', caKey, '-out', file];
  await run('openssl', ['req', '-x509', ...NEW_KEY, ...ca]);
  return {
    file,
    async issue(days) {
      const [key, csr, crt] = [path('-leaf.key'), path('-leaf.csr'), path('-leaf.crt')];
      const leaf = ['-subj', `/CN=${TLS_NAME}`, '-addext', `subjectAltName=DNS:${TLS_NAME}`];
      await run('openssl', ['req', '-new', ...NEW_KEY, ...leaf, '-keyout', key, '-out', csr]);
      const by = ['-CA', file, '-CAkey', caKey, '-CAcreateserial', '-copy_extensions', 'copy'];
      await run('openssl', ['x509', '-req', '-in', csr, ...by, '-days', `${days}`, '-out', crt]);
      return { key: await readFile(key, 'utf8'), cert: await readFile(crt, 'utf8') };
    },
  };
}

/** A server on loopback, and how to end it with all its connections. */
export interface Listening {
  readonly port: number;
  close(): Promise<void>;
}

/** Serves HTTPS; on another address of loopback or a port of choice if asked to. */
export function serveTls(
  pair: { key: string; cert: string },
  handler: (request: IncomingMessage, response: ServerResponse) => void,
  at: { host?: string; port?: number } = {},
): Promise<Listening> {
  return listening(createSecureServer(pair, handler), at);
}

/** What a proxy was asked for. */
export interface Tunnel {
  readonly target: string;
  readonly authorization: string | undefined;
}

/** A proxy that speaks CONNECT and finds every name on loopback; `answer` says what a tunnel gets, `hang` nothing. */
export async function serveProxy(
  answer: (tunnel: Tunnel) => 200 | 403 | 407 | 'hang',
): Promise<Listening & { readonly tunnels: Tunnel[] }> {
  const tunnels: Tunnel[] = [];
  const server = createServer((_request, response) => response.writeHead(400).end());
  server.on('connect', ({ url = '', headers }: IncomingMessage, socket: Socket) => {
    const tunnel = { target: url, authorization: headers['proxy-authorization'] };
    tunnels.push(tunnel);
    const status = answer(tunnel);
    socket.on('error', () => socket.destroy());
    if (status === 'hang') return;
    if (status !== 200) return void socket.end(`HTTP/1.1 ${status} No\r\n\r\n`);
    const far = connect(Number(url.split(':').at(-1)), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connected\r\n\r\n');
      far.pipe(socket).pipe(far);
    });
    far.on('error', () => socket.destroy());
  });
  return { ...(await listening(server)), tunnels };
}

async function listening(
  server: Server,
  { host = '127.0.0.1', port = 0 }: { host?: string; port?: number } = {},
): Promise<Listening> {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket.once('close', () => open.delete(socket)));
  });
  await new Promise<void>((resolve) => {
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}
