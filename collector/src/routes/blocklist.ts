import { BLOCK_LIST_TYP, MAX_WAIT_SECONDS, networkUrn } from '@picket/protocol';
import { z } from 'zod';
import type { Deps } from '../deps.ts';
import { isUnchanged, type ListQuery, type ListState } from '../store/block-list.ts';
import { readWithdrawn } from '../store/withdraw.ts';
import { WITHDRAWN } from '../verify/host-token.ts';
import { ofHost, type Refusal, refuse, refuseSchema } from '../verify/refusal.ts';
import { verifyRequestToken } from '../verify/request-token.ts';
import { replyJwt, replyRefusal } from './reply.ts';
import { verifierOf } from './verifier.ts';

/** How long a signed list may be shown to a host as news, seconds: covers a slow link, keeps a kept copy from being new. */
const LIST_SECONDS = 300;

const querySchema = z.object({
  since: z
    .string()
    .regex(/^\d{1,15}$/, 'must be a version')
    .transform(Number)
    .default(0),
  epoch: z.string().max(64).optional(),
});

/** Reads and signs each state of a list once for all requests that ask for it in the same generation. */
type SharedReads = Map<string, Promise<Read | undefined>>;

/** A list of one moment, and who may no longer have it. */
interface Read {
  readonly state: ListState;
  readonly jws: string;
  readonly withdrawn: ReadonlySet<string>;
}

/** `GET /v1/blocklist`: changes of the network's list since a version, signed; held open on request until there are any. */
export function blockListRoute(deps: Deps): (request: Request) => Promise<Response> {
  const reads: SharedReads = new Map();
  return async (request) => {
    const url = new URL(request.url);
    const bound = { method: request.method, paths: [url.pathname, publicPath(deps.publicUrl, url.pathname)] };
    const authorization = request.headers.get('authorization') ?? undefined;
    const token = await verifyRequestToken(authorization, bound, verifierOf(deps));
    if (!token.ok) return replyRefusal(token, statusOf(token));
    const query = querySchema.safeParse(Object.fromEntries(url.searchParams));
    if (!query.success) return replyRefusal(ofHost<never>(refuseSchema('query', query.error)));
    const { since, epoch } = query.data;
    const waitSeconds = preferredWait(request.headers.get('prefer'));
    const limit = { ms: waitSeconds * 1000, signal: request.signal };
    const read = await awaitNews(deps, reads, { networkId: token.networkId, since, epoch }, limit);
    if (read === undefined)
      return replyRefusal(ofHost<never>(refuse('access_denied', 'this network is gone')), 403);
    // It may have been withdrawn while it waited: withdrawing moves the list's version, so the wait ended.
    if (read.withdrawn.has(token.hostId)) return replyRefusal(ofHost<never>(WITHDRAWN), 403);
    return replyJwt(read.jws, 200, waitSeconds > 0 ? { 'preference-applied': `wait=${waitSeconds}` } : {});
  };
}

/** Path that a host sees when the public URL has a path of its own, which a proxy takes off. */
function publicPath(publicUrl: string, path: string): string {
  return new URL(publicUrl).pathname.replace(/\/$/, '') + path;
}

/** RFC 6750 section 3.1: 401 asks for another token, 403 says that none will do. */
function statusOf({ err }: Refusal): number {
  if (err === 'access_denied') return 403;
  return err === 'invalid_request' ? 400 : 401;
}

/** Seconds of `Prefer: wait=N` (RFC 7240 section 4.3), at most {@link MAX_WAIT_SECONDS}; 0 when absent. */
export function preferredWait(prefer: string | null): number {
  const wait = /(?:^|[,;])\s*wait\s*=\s*"?(\d{1,6})"?\s*(?:[,;]|$)/i.exec(prefer ?? '')?.[1];
  return Math.min(Number(wait ?? 0), MAX_WAIT_SECONDS);
}

/**
 * The signed list as soon as it has news for the host, or at the limit without. What is in the database counts; the
 * watch only says when to look again.
 */
async function awaitNews(
  deps: Deps,
  reads: SharedReads,
  query: ListQuery,
  limit: { ms: number; signal: AbortSignal },
): Promise<Read | undefined> {
  const { watch } = deps;
  const endMs = performance.now() + limit.ms;
  for (;;) {
    const seen = watch.generation(query.networkId);
    const read = await readShared(deps, reads, query, seen);
    const leftMs = endMs - performance.now();
    const isNews = read === undefined || !isUnchanged(read.state, query);
    if (isNews || leftMs <= 0 || limit.signal.aborted || watch.isStopped) return read;
    await watch.changed(query.networkId, seen, { ms: leftMs, signal: limit.signal });
  }
}

/**
 * A thousand hosts that wake together ask the same: one read and one signature serve them all. A read that began in
 * this generation saw everything that the generation was announced for.
 */
function readShared(
  deps: Deps,
  reads: SharedReads,
  query: ListQuery,
  generation: number,
): ReturnType<SharedReads['get'] & object> {
  const key = JSON.stringify([query.networkId, query.since, query.epoch, generation]);
  const known = reads.get(key);
  if (known !== undefined) return known;
  const read = readAndSign(deps, query).finally(() => reads.delete(key));
  reads.set(key, read);
  return read;
}

async function readAndSign(
  { sql, readList, signer, nowMs }: Deps,
  query: ListQuery,
): Promise<Read | undefined> {
  const state = await readList(query);
  if (state === undefined) return undefined;
  const iat = Math.floor(nowMs() / 1000);
  const claims = { aud: networkUrn(query.networkId), iat, exp: iat + LIST_SECONDS, ...state };
  // After the list: whoever was withdrawn before it was read is among them.
  const withdrawn = await readWithdrawn(sql, query.networkId);
  return { state, withdrawn, jws: await signer.sign(BLOCK_LIST_TYP, claims) };
}
