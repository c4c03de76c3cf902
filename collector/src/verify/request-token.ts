import { REQUEST_TOKEN_SECONDS, REQUEST_TYP, requestClaimsSchema } from '@picket/protocol';
import { type HostToken, type Verifier, verifyHostToken } from './host-token.ts';
import { ofHost, type Refusal, refuse, refuseSchema } from './refusal.ts';

/** The request that a token must be bound to. */
export interface BoundRequest {
  readonly method: string;
  /** Paths the token may name: the one that was asked for, and that below the public URL a proxy may have cut. */
  readonly paths: readonly string[];
}

/**
 * Verifies the bearer token of a host, bound to one method and path as DPoP proofs are (RFC 9449 section 4.3).
 *
 * `jti` is not remembered, on purpose: the only request so bound is a read whose signed answer is the same for every
 * host of the network. Who can replay the token has seen that answer go by, and within a minute the token is void. A
 * memory of names would have to be shared by all replicas to mean anything.
 */
export async function verifyRequestToken(
  authorization: string | undefined,
  request: BoundRequest,
  verifier: Verifier,
): Promise<HostToken | Refusal> {
  const bearer = /^Bearer +([\w.-]+)$/i.exec(authorization ?? '')?.[1];
  if (bearer === undefined)
    return refuse('authentication_failed', 'the request needs Authorization: Bearer and a host token');
  const token = await verifyHostToken(bearer, REQUEST_TYP, verifier);
  return token.ok ? ofHost(checkBound(token, request, verifier.nowMs)) : token;
}

function checkBound(token: HostToken, request: BoundRequest, nowMs: number): HostToken | Refusal {
  const claims = requestClaimsSchema.safeParse(token.claims);
  if (!claims.success) return refuseSchema('request token', claims.error);
  const { htm, htu, iat } = claims.data;
  if (htm !== request.method) return refuse('authentication_failed', 'htm is not the method of this request');
  if (!request.paths.includes(pathOf(htu)))
    return refuse('authentication_failed', 'htu is not the address of this request');
  if (Math.abs(iat - nowMs / 1000) > REQUEST_TOKEN_SECONDS)
    return refuse('authentication_failed', `iat is more than ${REQUEST_TOKEN_SECONDS} s from now`);
  return token;
}

/** Path of an absolute URL; the host is left out because proxies change it, the query as RFC 9449 says. */
function pathOf(url: string): string {
  return URL.canParse(url) ? new URL(url).pathname : '';
}
