import { setTimeout as sleep } from 'node:timers/promises';
import { CLOSE_SECONDS, connect, type Sql } from '../connect.ts';
import { waitFor } from '../wait.ts';
import { socketUrl } from './answer.ts';
import { OWNER } from './cluster.ts';
import { isAlive } from './postmaster.ts';
import { ensureServer, type RunningServer, type ServerOptions, stopServer } from './server.ts';

/** How often the supervisor looks whether the server lives, ms. */
const WATCH_MS = 500;

/** First and longest wait before a server that died is started again, ms. */
const BACKOFF_MS = { first: 200, longest: 30_000 } as const;

/** A server that lived this long, ms, was well: the next death waits the shortest time again. */
const WELL_MS = 60_000;

/** A private server under watch. */
export interface EmbeddedServer {
  /** Where its database is; the same after each restart. */
  readonly url: string;
  /** Ends the watch, and the server too unless other programs are connected to it. */
  stop(): Promise<void>;
}

/** What a caller wants of the private server. */
export interface EmbeddedOptions extends ServerOptions {
  /**
   * True for the collector: restarts the server when it dies, and stops it at the end whoever started it. False for a
   * command: it stops only what it started.
   */
  readonly supervise: boolean;
}

/** Starts or adopts the private server of the data folder. */
export async function openEmbedded(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const first = await ensureServer(options);
  if (first.adopted) options.log.info({ pid: first.pid }, 'private database adopted');
  const watch = options.supervise ? superviseServer(first, options) : idleWatch(first);
  return {
    url: socketUrl(first, OWNER),
    async stop() {
      const last = await watch.end();
      if (!options.supervise && first.adopted) return;
      if (await hasOtherClients(last)) return;
      await stopServer(last);
    },
  };
}

interface Watch {
  /** Ends the watch; the server as it was last seen. */
  end(): Promise<RunningServer>;
}

function idleWatch(server: RunningServer): Watch {
  return { end: async () => server };
}

function superviseServer(first: RunningServer, options: EmbeddedOptions): Watch {
  const ending = new AbortController();
  let server = first;
  const done = (async () => {
    let deaths = 0;
    while (!ending.signal.aborted) {
      const sinceMs = performance.now();
      await untilDead(server.pid, ending.signal);
      if (ending.signal.aborted) return;
      deaths = performance.now() - sinceMs > WELL_MS ? 0 : deaths + 1;
      server = (await revive(deaths, options, ending.signal)) ?? server;
    }
  })();
  return {
    async end() {
      ending.abort();
      await done;
      return server;
    },
  };
}

async function untilDead(pid: number, signal: AbortSignal): Promise<void> {
  while (isAlive(pid) && !signal.aborted) await pause(WATCH_MS, signal);
}

/** Waits longer with each death, then starts the server until it runs; undefined when the watch ended first. */
async function revive(
  deaths: number,
  options: EmbeddedOptions,
  signal: AbortSignal,
): Promise<RunningServer | undefined> {
  for (let tries = deaths; !signal.aborted; tries++) {
    const waitMs = backoffMs(tries);
    options.log.warn({ waitMs }, 'private database died, starting it again');
    await pause(waitMs, signal);
    if (signal.aborted) return undefined;
    try {
      return await ensureServer(options);
    } catch (error) {
      options.log.warn({ err: error }, 'private database does not start');
    }
  }
  return undefined;
}

/** Wait before a start, ms, doubled with each one that did not last. */
export function backoffMs(tries: number): number {
  return Math.min(BACKOFF_MS.first * 2 ** Math.max(0, tries - 1), BACKOFF_MS.longest);
}

/** Sleeps without keeping the process alive; an abort ends it early. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal, ref: false }).catch(() => {});
}

/** How long our own connections may take to go, ms, before one that is there counts as somebody else's. */
const LEAVING_MS = 1000;

/** A server that says nothing for so long when it is asked is gone, ms. */
const SILENT_MS = 5_000;

/** Name of a connection that only asks whether the server may be stopped: two that stop at once do not count. */
const LEAVING = 'picket leaving';

/** Another collector or command on the same folder would lose its server: then it is left to that one. */
async function hasOtherClients(server: RunningServer): Promise<boolean> {
  const sql = connect(socketUrl(server, 'postgres'), { max: 1, applicationName: LEAVING });
  // Where the server goes this very moment, since another stop was faster, postgres.js may leave a query without an answer.
  const silent = sleep(SILENT_MS, false, { ref: false });
  try {
    return await Promise.race([waitFor(() => isAlone(sql), LEAVING_MS).then((alone) => !alone), silent]);
  } catch {
    return false; // it cannot be asked: then nobody can use it either
  } finally {
    await sql.end({ timeout: CLOSE_SECONDS });
  }
}

async function isAlone(sql: Sql): Promise<true | undefined> {
  const others = await sql`
    select from pg_stat_activity
    where backend_type = 'client backend' and application_name <> ${LEAVING} limit 1`;
  return others.length === 0 ? true : undefined;
}
