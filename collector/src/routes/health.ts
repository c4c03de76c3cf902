import type { Deps } from '../deps.ts';
import { within } from '../store/group.ts';
import { replyUnavailable } from './reply.ts';

/** How long an answer of the database holds, ms: anybody may ask, and it has more to do than to say that it is there. */
const KEPT_MS = 1_000;

/** How long the database may take to say that it is there, ms. */
const DEADLINE_MS = 5_000;

/** `GET /readyz`: whether requests can be served, which is whether the database answers. It is asked once a second. */
export function readyRoute(deps: Deps): () => Promise<Response> {
  let [askedMs, isReady] = [Number.NEGATIVE_INFINITY, Promise.resolve(false)];
  return async () => {
    if (performance.now() - askedMs >= KEPT_MS) [askedMs, isReady] = [performance.now(), answers(deps)];
    return (await isReady) ? new Response('ready\n') : replyUnavailable('the database does not answer', 5);
  };
}

async function answers({ sql, log }: Deps): Promise<boolean> {
  try {
    await within(DEADLINE_MS, sql`select 1`);
    return true;
  } catch (error) {
    log.warn({ err: error }, 'database does not answer');
    return false;
  }
}
