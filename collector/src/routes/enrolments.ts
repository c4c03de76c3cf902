import { ENROLLED_TYP, type Source } from '@picket/protocol';
import type { Deps } from '../deps.ts';
import { joinNetwork, type NotJoined } from '../store/join.ts';
import { joinTokenName } from '../store/join-tokens.ts';
import { sha256 } from '../store/sha256.ts';
import { readBody } from '../verify/body.ts';
import { verifyEnrolment } from '../verify/enrolment.ts';
import { type Refusal, refuse } from '../verify/refusal.ts';
import { mediaType, replyJwt, replyLimited, replyRefusal } from './reply.ts';

/** Media type of a signed request to join (RFC 7519 section 10.3.1). */
const ENROLMENT_MEDIA_TYPE = 'application/jwt';

/** How often hosts are asked to send a status, seconds: the mail tells a silent host after a few of them are missing. */
const STATUS_SECONDS = 60;

const REASONS: Readonly<Record<NotJoined['reason'], string>> = {
  unknown: 'this network does not know the join key',
  expired: 'the join key has expired',
  'used up': 'the join key is used up',
  'withdrawn token': 'the join key was withdrawn',
  'withdrawn host': 'this host was withdrawn from its network',
  'former key': 'this key was replaced by another, and its time is over',
};

/** `POST /v1/enrolments`: a host joins a network; 201 with its identity there, signed. */
export async function postEnrolments(
  request: Request,
  deps: Deps,
  client: Source | undefined,
): Promise<Response> {
  const refused = (refusal: Refusal, status?: number) => {
    deps.log.info({ code: refusal.err, description: refusal.description }, 'enrolment refused');
    return replyRefusal(refusal, status);
  };
  if (mediaType(request) !== ENROLMENT_MEDIA_TYPE)
    return refused(refuse('invalid_request', `Content-Type must be ${ENROLMENT_MEDIA_TYPE}`, 415));
  const body = await readBody(request);
  if (!body.ok) return refused(body);
  const enrolment = await verifyEnrolment(body.text, deps.signer.collectorId);
  if (!enrolment.ok) return refused(enrolment);
  // By the token that was shown, good or not: its hash, so that no memory of limits holds a secret.
  const waitSeconds = await deps.limits.enrolment(
    client,
    joinTokenName(await sha256(enrolment.claims.token)),
  );
  if (waitSeconds !== undefined) {
    deps.meters.limited('enrolment');
    return replyLimited(waitSeconds);
  }
  const joined = await joinNetwork(deps.sql, enrolment, deps.nowMs());
  if (!joined.ok) return refused(refuse('access_denied', REASONS[joined.reason]), 403);
  const { claims, thumbprint } = enrolment;
  const { hostId, networkName } = joined;
  deps.log.info({ networkId: claims.net, hostId, hostName: claims.hostName }, 'host enrolled');
  const iat = Math.floor(deps.nowMs() / 1000);
  const identity = {
    aud: thumbprint,
    iat,
    net: claims.net,
    networkName,
    hostId,
    statusSeconds: STATUS_SECONDS,
  };
  return replyJwt(await deps.signer.sign(ENROLLED_TYP, identity), 201);
}
