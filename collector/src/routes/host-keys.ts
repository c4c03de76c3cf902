import { ROTATED_TYP } from '@picket/protocol';
import type { Deps } from '../deps.ts';
import { type NotRotated, rotateHostKey } from '../store/host-keys.ts';
import { readBody } from '../verify/body.ts';
import { ofHost, type Refusal, refuse } from '../verify/refusal.ts';
import { verifyRotation } from '../verify/rotation.ts';
import { mediaType, replyJwt, replyRefusal } from './reply.ts';
import { verifierOf } from './verifier.ts';

/** Media type of a signed request (RFC 7519 section 10.3.1). */
const ROTATION_MEDIA_TYPE = 'application/jwt';

const REASONS: Readonly<Record<NotRotated['reason'], string>> = {
  'former key': 'a former key of this host cannot introduce another',
  'key of another host': 'the new key belongs to another host',
  'too many keys': 'this host has changed its key too often within a month',
};

/** `POST /v1/host-keys`: a host gets another key; 200, signed. The same request again gets the same answer. */
export async function postHostKeys(request: Request, deps: Deps): Promise<Response> {
  const refused = (refusal: Refusal, status?: number) => {
    deps.log.info({ code: refusal.err, description: refusal.description }, 'rotation of a key refused');
    return replyRefusal(refusal, status);
  };
  if (mediaType(request) !== ROTATION_MEDIA_TYPE)
    return refused(refuse('invalid_request', `Content-Type must be ${ROTATION_MEDIA_TYPE}`, 415));
  const body = await readBody(request);
  if (!body.ok) return refused(body);
  const rotation = await verifyRotation(body.text, verifierOf(deps));
  if (!rotation.ok) return refused(rotation);
  const rotated = await rotateHostKey(deps.sql, rotation, deps.nowMs());
  if (!rotated.ok) return refused(ofHost<never>(refuse('access_denied', REASONS[rotated.reason])), 403);
  const { networkId, hostId, thumbprint } = rotation;
  deps.log.info({ networkId, hostId, thumbprint, isNew: rotated.isNew }, 'host key rotated');
  const iat = Math.floor(deps.nowMs() / 1000);
  const claims = { aud: thumbprint, iat, net: networkId, hostId, formerUntilMs: rotated.formerUntilMs };
  return replyJwt(await deps.signer.sign(ROTATED_TYP, claims), 200);
}
