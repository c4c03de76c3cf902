import { type Dispatcher, request } from 'undici';
import { describeFault, type FaultContext } from './http-fault.ts';
import { createTransport, type TransportOptions } from './transport.ts';

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

/** A client with strict time limits; it follows no redirects, for a redirect could lead a token elsewhere. */
export function createHttpClient(options: TransportOptions & FaultContext = {}): HttpClient {
  const dispatcher = createTransport(options);
  const underWay = new Set<AbortController>();
  return {
    async call(call) {
      const controller = new AbortController();
      const timer = setTimeout(() => controller.abort(new TimeLimit(call.limitMs)), call.limitMs);
      underWay.add(controller);
      try {
        return await exchange(call, dispatcher, controller.signal);
      } catch (error) {
        return { ok: false, reason: describeFault(controller.signal.reason ?? error, options, Date.now()) };
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

async function exchange(call: HttpCall, dispatcher: Dispatcher, signal: AbortSignal): Promise<HttpResult> {
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
