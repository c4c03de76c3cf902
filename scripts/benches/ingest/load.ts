import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'undici';

/** A request that is ready to be sent. */
export type Prepared = { path: string; headers: Record<string, string>; body: Buffer };

/** One answer: its status, 0 when there was none, and how long it took. */
export type Answer = { status: number; tookMs: number };

/** What a load met. */
export type Load = {
  answers: Answer[];
  /** From the first request to the last answer, ms. */
  tookMs: number;
};

/** Agents wait so long for an answer, ms. */
const LIMIT_MS = 20_000;

/** A kept connection with one request under way at most. */
export function openClient(origin: string, localAddress: string | undefined, limitMs = LIMIT_MS): Client {
  return new Client(origin, {
    ...{ pipelining: 1, headersTimeout: limitMs, bodyTimeout: limitMs },
    ...(localAddress !== undefined && { localAddress }),
  });
}

/** Where a load goes to, and how. */
export type LoadOrder = {
  origin: string;
  connections: number;
  /** No request is begun after that time, ms. */
  lastsMs: number;
  /** Address from which each connection comes; loopback has sixteen million. */
  addressOf?: (connection: number) => string;
  /** Longest wait for an answer, ms; an agent's unless told. */
  limitMs?: number;
  /** See `Case.everyMs`. */
  everyMs?: number | undefined;
};

/**
 * Sends requests in turn over kept connections, each with one request under way, until all are sent or the time is
 * over.
 */
export async function sendAll(requests: readonly Prepared[], order: LoadOrder): Promise<Load> {
  const { origin, connections, lastsMs, addressOf, limitMs, everyMs } = order;
  const clients = Array.from({ length: connections }, (_, i) => openClient(origin, addressOf?.(i), limitMs));
  const answers: Answer[] = [];
  let next = 0;
  const startMs = performance.now();
  const work = async (client: Client) => {
    for (;;) {
      const dueMs = everyMs === undefined ? undefined : startMs + next * everyMs;
      const request = requests[next++];
      if (request === undefined || performance.now() - startMs >= lastsMs) return;
      if (dueMs !== undefined) await sleep(Math.max(0, dueMs - performance.now()));
      answers.push(await sendOne(client, request, dueMs));
    }
  };
  await Promise.all(clients.map(work));
  const tookMs = performance.now() - startMs;
  await Promise.all(clients.map((client) => client.close()));
  return { answers, tookMs };
}

/** Sends one request and reads its answer to the end; how long that took counts from `startMs`, else from now. */
export async function sendOne(
  client: Client,
  { path, headers, body }: Prepared,
  startMs = performance.now(),
): Promise<Answer> {
  const status = await client
    .request({ path, method: 'POST', headers, body })
    .then(async (reply) => {
      await reply.body.dump();
      return reply.statusCode;
    })
    .catch(() => 0);
  return { status, tookMs: performance.now() - startMs };
}
