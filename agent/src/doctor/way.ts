import { lookup } from 'node:dns/promises';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type SecureContext, type TLSSocket } from 'node:tls';
import type { HttpClient } from '../uplink/http.ts';
import type { Step, Way } from './collector.ts';

/** Longest that one step may take, ms. */
const LIMIT_MS = 5_000;

/** Longest answer that is read, bytes: a set of keys. */
const MAX_BYTES = 64 * 1024;

/** The way over this host's own resolver and network. @param trust what certificates are judged by */
export function createWay(http: HttpClient, trust?: SecureContext): Way {
  return {
    resolve: (name) => step(async () => (await lookup(name, { all: true })).map(({ address }) => address)),
    connect: (host, port) =>
      step(async () => {
        (await opened(connectTcp({ host, port, timeout: LIMIT_MS }), 'connect')).destroy();
      }),
    handshake: (host, port) =>
      step(async () => {
        const servername = /[a-z]/i.test(host) && !host.includes(':') ? { servername: host } : {};
        const socket = await opened(
          connectTls({
            host,
            port,
            ...servername,
            ...(trust && { secureContext: trust }),
            timeout: LIMIT_MS,
          }),
          'secureConnect',
        );
        const words = `${socket.getProtocol() ?? '?'}, certificate until ${socket.getPeerCertificate().valid_to}`;
        socket.destroy();
        return words;
      }),
    async get(url) {
      const sentMs = Date.now();
      const result = await http.call({ url, limitMs: LIMIT_MS, maxBytes: MAX_BYTES });
      if (!result.ok) return { ok: false, why: result.reason };
      const { status, headers, body } = result.reply;
      return { ok: true, value: { status, date: headers.date, body, sentMs, receivedMs: Date.now() } };
    },
  };
}

async function step<T>(work: () => Promise<T>): Promise<Step<T>> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Step<T>>((resolve) => {
    timer = setTimeout(() => resolve({ ok: false, why: `no answer within ${LIMIT_MS / 1000} s` }), LIMIT_MS);
  });
  const done = work().then(
    (value): Step<T> => ({ ok: true, value }),
    (error: Error): Step<T> => ({ ok: false, why: wordsOf(error) }),
  );
  return Promise.race([done, late]).finally(() => clearTimeout(timer));
}

/** A connection to several addresses fails with one error for each. */
function wordsOf(error: Error): string {
  const inner = error instanceof AggregateError ? error.errors[0] : error;
  return inner instanceof Error ? inner.message : String(inner);
}

function opened<T extends Socket | TLSSocket>(socket: T, event: 'connect' | 'secureConnect'): Promise<T> {
  return new Promise((resolve, reject) => {
    socket.once(event, () => resolve(socket)).once('error', reject);
    socket.once('timeout', () => socket.destroy(new Error(`no answer within ${LIMIT_MS / 1000} s`)));
  });
}
