import { setTimeout as sleep } from 'node:timers/promises';
import type { ListeningChild } from './listening-child.ts';

/** First and longest pause before a child that died is started again, ms. */
const RESTART_FIRST_MS = 100;
const RESTART_MOST_MS = 5_000;

/** A child that lived so long, ms, did not die of how it was started. */
const LONG_LIFE_MS = 10_000;

/** A child that is started again whenever it dies. */
export interface KeptChild {
  /** The child that listens now; undefined between a death and the next start. */
  readonly current: ListeningChild | undefined;
  /** Ends it for good. */
  stop(): Promise<void>;
}

/** How a child is kept. */
export interface KeepOptions {
  /** What is not seen while it does not run, for the log: `tcpdump on eth0`. */
  readonly name: string;
  readonly log: (message: string) => void;
}

/**
 * Starts a child and keeps it running, with a pause that doubles while it will not run. Resolves when it listens for the
 * first time.
 *
 * @throws what `start` throws the first time: who cannot begin is not tried again
 */
export async function keepRunning(
  start: () => Promise<ListeningChild>,
  { name, log }: KeepOptions,
): Promise<KeptChild> {
  const stopping = new AbortController();
  const { signal } = stopping;
  let current: ListeningChild | undefined = await start();
  let pauseMs = RESTART_FIRST_MS;

  /** One more life; undefined when it did not begin. */
  const revive = async (): Promise<ListeningChild | undefined> => {
    await sleep(pauseMs, undefined, { signal });
    pauseMs = Math.min(pauseMs * 2, RESTART_MOST_MS);
    const next = await start().catch((error: Error) => void log(`${name}: ${error.message}`));
    if (signal.aborted) await next?.stop();
    return next;
  };
  const keep = async (): Promise<void> => {
    while (!signal.aborted) {
      if (current === undefined) {
        current = await revive();
        continue;
      }
      const startedAtMs = performance.now();
      const how = await current.ended;
      if (signal.aborted) return;
      current = undefined;
      if (performance.now() - startedAtMs > LONG_LIFE_MS) pauseMs = RESTART_FIRST_MS;
      log(`${name} ended (${how}); what it watches is not seen until it runs again`);
    }
  };
  // Only the abort of a pause rejects: then nobody waits any more.
  const kept = keep().catch(() => {});
  return {
    get current() {
      return current;
    },
    async stop() {
      stopping.abort();
      await current?.stop();
      await kept;
    },
  };
}
