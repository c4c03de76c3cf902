import type { PushErrorCode } from '@picket/protocol';
import { SPOKEN_WIRE_VERSIONS } from '@picket/protocol';
import { type Refusal, refuse } from '../verify/refusal.ts';

/** Of every error: RFC 8935 section 2.3. */
export const JSON_HEADERS = { 'content-type': 'application/json', 'content-language': 'en' } as const;

/** Body of every answer to somebody over a limit. */
export const LIMITED_BODY = JSON.stringify({
  err: 'too_many_requests',
  description: 'too many requests: come again after Retry-After',
});

/** What each refusal was for, for those who count: the reply itself says less. */
const refusals = new WeakMap<Response, Refusal>();

/** What the reply refuses; undefined when it is no refusal. */
export function refusalOf(reply: Response): Refusal | undefined {
  return refusals.get(reply);
}

/**
 * A refusal as RFC 8935 section 2.3 wants it: the code and a description in JSON, and its language, which is English
 * whatever `Accept-Language` asks for.
 */
export function replyRefusal(
  refusal: Refusal,
  status: number = refusal.status ?? 400,
  more: Record<string, string> = {},
): Response {
  if (refusal.waitSeconds !== undefined) {
    const limited = replyLimited(refusal.waitSeconds);
    refusals.set(limited, refusal);
    return limited;
  }
  const headers: Record<string, string> = {
    ...JSON_HEADERS,
    ...more,
    ...(status === 426
      ? { upgrade: SPOKEN_WIRE_VERSIONS.map((version) => `picket/${version}`).join(', ') }
      : {}),
    ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
  };
  const reply = new Response(errorBody(refusal.err, refusal.description), { status, headers });
  refusals.set(reply, refusal);
  return reply;
}

/** The collector cannot answer now: keep what you have and come back. */
export function replyUnavailable(description: string, retrySeconds: number): Response {
  const headers = { ...JSON_HEADERS, 'retry-after': String(retrySeconds) };
  return new Response(errorBody('unavailable', description), { status: 503, headers });
}

/** Whoever asks is over a limit: keep what you have and come back. */
export function replyLimited(retrySeconds: number): Response {
  const headers = { ...JSON_HEADERS, 'retry-after': String(retrySeconds) };
  return new Response(LIMITED_BODY, { status: 429, headers });
}

/** The route is there, and takes other methods (RFC 9110 section 15.5.6). */
export function replyMethod(allow: string): Response {
  return replyRefusal(refuse('invalid_request', `the method must be ${allow}`), 405, { allow });
}

/** A compact JWS of the collector. */
export function replyJwt(jws: string, status: 200 | 201, headers: Record<string, string> = {}): Response {
  return new Response(jws, { status, headers: { 'content-type': 'application/jwt', ...headers } });
}

/** Media type of a request without its parameters. */
export function mediaType(request: Request): string {
  return (request.headers.get('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

/**
 * Whether the sender can read an answer in JSON, as RFC 8935 section 2.1 has him say in `Accept`. Without the field he
 * can read anything (RFC 9110 section 12.5.1).
 */
export function acceptsJson(request: Request): boolean {
  const accept = request.headers.get('accept');
  if (accept === null || accept.trim() === '') return true;
  return accept
    .toLowerCase()
    .split(',')
    .some(
      (range) =>
        /^\s*(\*|application)\/(\*|json)\s*(;|$)/.test(range) && !/;\s*q=0(\.0*)?\s*(;|$)/.test(range),
    );
}

function errorBody(err: PushErrorCode | 'unavailable' | 'too_many_requests', description: string): string {
  return JSON.stringify({ err, description });
}
