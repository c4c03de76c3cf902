import type { Deps } from '../deps.ts';
import { replyUnavailable } from './reply.ts';

/** `GET /readyz`: whether requests can be served, which is whether the database answers. */
export async function getReady({ sql, log }: Deps): Promise<Response> {
  try {
    await sql`select 1`;
    return new Response('ready\n');
  } catch (error) {
    log.warn({ err: error }, 'database does not answer');
    return replyUnavailable('the database does not answer', 5);
  }
}
