import { Agent, request } from 'undici';
import { codeOf } from './errors.ts';

/** What a server answered. */
export interface HttpReply {
  readonly status: number;
  /** Header names in lower case; of a repeated header the first. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A reply, or in words why there was none. */
export type HttpResult = { ok: true; reply: HttpReply } | { ok: false; reason: string };

/** One request; without a body it is a GET, else a POST. */
export interface HttpCall {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** The whole exchange must end within this, ms. */
  readonly limitMs: number;
  /** Longest body that is read, bytes. */
  readonly maxBytes: number;
}

/** Speaks HTTP to the collector over kept connections. */
export interface HttpClient {
  call(call: HttpCall): Promise<HttpResult>;
  /** Ends all calls under way; each answers that it was stopped. */
  close(): Promise<void>;
}

/** A connection that is not there after this is not coming, ms: covers two lost SYN packets (RFC 6298: 1 s + 2 s). */
const CONNECT_MS = 5_000;

/** Idle connections are closed before common servers and proxies close them (5 s and up), ms. */
const KEEP_ALIVE_MS = 4_000;

/** Connections to the collector: one waits for the block list, the others push. */
const CONNECTIONS = 8;

/** A client with strict time limits; it follows no redirects, for a redirect could lead a token elsewhere. */
export function createHttpClient(): HttpClient {
  const dispatcher = new Agent({
    connections: CONNECTIONS,
    connect: { timeout: CONNECT_MS },
    keepAliveTimeout: KEEP_ALIVE_MS,
  });
  const underWay = new Set<AbortController>();
  return {
    async call(call) {
      const controller = new AbortController();
      const timer = setTimeout(() => controller.abort(new TimeLimit(call.limitMs)), call.limitMs);
      underWay.add(controller);
      try {
        return await exchange(call, dispatcher, controller.signal);
      } catch (error) {
        return { ok: false, reason: describe(controller.signal.reason ?? error) };
      } finally {
        clearTimeout(timer);
        underWay.delete(controller);
      }
    },
    async close() {
      for (const controller of underWay) controller.abort(new Error('stopped'));
      await dispatcher.destroy();
    },
  };
}

class TimeLimit extends Error {
  constructor(ms: number) {
    super(`no answer within ${Math.round(ms / 1000)} s`);
  }
}

async function exchange(call: HttpCall, dispatcher: Agent, signal: AbortSignal): Promise<HttpResult> {
  const { statusCode, headers, body } = await request(call.url, {
    dispatcher,
    signal,
    method: call.body === undefined ? 'GET' : 'POST',
    headers: { 'user-agent': 'picket-agent', ...call.headers },
    headersTimeout: call.limitMs,
    bodyTimeout: call.limitMs,
    ...(call.body === undefined ? {} : { body: call.body }),
  });
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    const bytes = Buffer.from(chunk);
    sizeBytes += bytes.length;
    if (sizeBytes > call.maxBytes) {
      body.destroy();
      return { ok: false, reason: `the answer is longer than ${call.maxBytes} bytes` };
    }
    chunks.push(bytes);
  }
  return {
    ok: true,
    reply: {
      status: statusCode,
      headers: firstOfEach(headers),
      body: Buffer.concat(chunks).toString('utf8'),
    },
  };
}

function firstOfEach(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const first = Array.isArray(value) ? value[0] : value;
    if (first !== undefined) flat[name.toLowerCase()] = first;
  }
  return flat;
}

/** Words for the usual faults of a connection; others keep their own. */
const FAULTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was cut',
  ENOTFOUND: 'its name cannot be resolved',
  EAI_AGAIN: 'its name cannot be resolved now',
  EHOSTUNREACH: 'no route to it',
  ENETUNREACH: 'no route to it',
  ETIMEDOUT: 'no answer to the connection',
  UND_ERR_CONNECT_TIMEOUT: 'no answer to the connection',
  UND_ERR_SOCKET: 'the connection was cut',
};

function describe(error: unknown): string {
  const inner = error instanceof AggregateError ? error.errors[0] : error;
  const code = codeOf(inner) ?? codeOf(error);
  if (code !== undefined && FAULTS[code] !== undefined) return FAULTS[code];
  return inner instanceof Error ? inner.message : String(inner);
}
