import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, openClient, type Prepared, sendOne } from '../ingest/load.ts';

/** One host's own connection, from an address of its own. */
const addressOf = (host: number): string => `127.0.3.${host + 1}`;

/** A batch that could not even be begun so long after it was due counts as one without an answer, ms: a run ends. */
const GIVE_UP_MS = 30_000;

const NO_ANSWER = { status: 0 };

/**
 * Hosts push one batch a second each, spread over the second. A wait is counted from when a batch was due, so that one
 * that is late because of the one before is late.
 *
 * @param requests of each host, in order
 */
export async function pushHonestly(
  origin: string,
  requests: readonly (readonly Prepared[])[],
): Promise<Answer[]> {
  const startMs = performance.now();
  const answers = await Promise.all(
    requests.map(async (own, host) => {
      const client = openClient(origin, addressOf(host));
      const found: Answer[] = [];
      for (const [second, request] of own.entries()) {
        const dueMs = startMs + (second + host / requests.length) * 1_000;
        await sleep(Math.max(0, dueMs - performance.now()));
        const isTooLate = performance.now() - dueMs > GIVE_UP_MS;
        const { status } = isTooLate ? NO_ANSWER : await sendOne(client, request);
        found.push({ status, tookMs: performance.now() - dueMs });
      }
      await client.close();
      return found;
    }),
  );
  return answers.flat();
}
