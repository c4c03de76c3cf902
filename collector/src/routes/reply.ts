import type { PushErrorCode } from '@picket/protocol';
import { SPOKEN_WIRE_VERSIONS } from '@picket/protocol';
import type { Refusal } from '../verify/refusal.ts';

/** A refusal as RFC 8935 section 2.3 wants it: the code and a description in JSON, and its language. */
export function replyRefusal(refusal: Refusal, status: number = refusal.status ?? 400): Response {
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    'content-language': 'en',
    ...(status === 426
      ? { upgrade: SPOKEN_WIRE_VERSIONS.map((version) => `picket/${version}`).join(', ') }
      : {}),
    ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
  };
  return new Response(errorBody(refusal.err, refusal.description), { status, headers });
}

/** The collector cannot answer now: keep what you have and come back. */
export function replyUnavailable(description: string, retrySeconds: number): Response {
  const headers = { 'content-type': 'application/json', 'retry-after': String(retrySeconds) };
  return new Response(JSON.stringify({ err: 'unavailable', description }), { status: 503, headers });
}

/** A compact JWS of the collector. */
export function replyJwt(jws: string, status: 200 | 201, headers: Record<string, string> = {}): Response {
  return new Response(jws, { status, headers: { 'content-type': 'application/jwt', ...headers } });
}

/** Media type of a request without its parameters. */
export function mediaType(request: Request): string {
  return (request.headers.get('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

function errorBody(err: PushErrorCode, description: string): string {
  return JSON.stringify({ err, description });
}
