import type { Log } from './deps.ts';
import type { ListWatch } from './list-watch.ts';
import { readVersions } from './store/block-list.ts';
import { listenForLists } from './store/listen.ts';
import type { Sql } from './store/sql.ts';

/** How often lists that somebody waits for are looked at, ms: the longest delay where NOTIFY does not get through. */
const POLL_MS = 3_000;

/** What carries word of changed lists. */
export interface ListWordOptions {
  readonly sql: Sql;
  readonly watch: ListWatch;
  readonly log: Log;
  readonly pollMs?: number;
}

/**
 * Carries word of changed lists, of all replicas, to the watch: by LISTEN at once, and by looking at the versions
 * every few seconds for what LISTEN missed. Ends with the returned function.
 */
export async function carryListWord(options: ListWordOptions): Promise<() => Promise<void>> {
  const { sql, watch, log, pollMs = POLL_MS } = options;
  const unlisten = await listenForLists(sql, {
    changed: (networkId) => watch.announce(networkId),
    connected: () => watch.announceAll(),
  }).catch((error) => {
    log.warn({ err: error, pollMs }, 'the database does not pass word on: lists are polled');
    return async () => {};
  });
  const known = new Map<string, number>();
  const poll = () =>
    announceMoved({ sql, watch, known }).catch((error) =>
      log.warn({ err: error }, 'versions of lists not read'),
    );
  const endPoll = repeat(poll, pollMs);
  return async () => {
    await endPoll();
    await unlisten().catch((error) => log.warn({ err: error }, 'LISTEN not ended'));
  };
}

/** Announces the lists whose version is another than at the last look. */
async function announceMoved({
  sql,
  watch,
  known,
}: Pick<ListWordOptions, 'sql' | 'watch'> & { known: Map<string, number> }): Promise<void> {
  const networkIds = watch.waitedFor();
  if (networkIds.length === 0) return;
  for (const [networkId, version] of await readVersions(sql, networkIds)) {
    if (known.get(networkId) !== version) watch.announce(networkId);
    known.set(networkId, version);
  }
}

/** Runs a task again and again, each time a while after the last one ended. The end waits for a run under way. */
function repeat(task: () => Promise<void>, pauseMs: number): () => Promise<void> {
  let isEnded = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running = Promise.resolve();
  const plan = () => {
    timer = setTimeout(() => {
      running = task().finally(() => {
        if (!isEnded) plan();
      });
    }, pauseMs);
  };
  plan();
  return async () => {
    isEnded = true;
    clearTimeout(timer);
    await running;
  };
}
