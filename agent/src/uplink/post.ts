import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { EVENT_MEDIA_TYPE } from '@picket/protocol';
import type { HttpClient } from './http.ts';
import type { Speaker } from './seal.ts';
import { type Verdict, verdictOf } from './verdict.ts';

/** The collector commits in well under a second; a slow line may need many for a full batch. */
const LIMIT_MS = 20_000;

/** Bodies below this gain nothing from gzip, bytes. */
const GZIP_FROM_BYTES = 1024;

const MAX_REPLY_BYTES = 64 * 1024;

const gzipAsync = promisify(gzip);

/** Sends a token to the collector at a base URL, and reads what it says. */
export async function post(
  jws: string,
  base: string,
  { http, speaker, limitMs = LIMIT_MS }: { http: HttpClient; speaker: Speaker; limitMs?: number },
): Promise<Verdict> {
  const isLarge = jws.length >= GZIP_FROM_BYTES;
  const result = await http.call({
    url: `${base}/v1/events`,
    headers: {
      'content-type': EVENT_MEDIA_TYPE,
      accept: 'application/json',
      ...(isLarge ? { 'content-encoding': 'gzip' } : {}),
    },
    body: isLarge ? await gzipAsync(jws) : jws,
    limitMs,
    maxBytes: MAX_REPLY_BYTES,
  });
  return verdictOf(result, speaker.clock.nowMs());
}
