import { type BatchEvents, collectorUrn, EVENT_TYP, type EventClaims, hostUrn } from '@picket/protocol';
import { CompactSign, decodeJwt, decodeProtectedHeader } from 'jose';
import { v7 as uuid7 } from 'uuid';
import type { Content } from './batches.ts';
import type { Clock } from './clock.ts';
import type { Enrolment } from './enrolment.ts';
import type { Identity } from './identity.ts';
import type { Batch } from './spool/record.ts';

/** Who speaks, to whom. */
export interface Speaker {
  readonly identity: Identity;
  readonly enrolment: Enrolment;
  readonly clock: Clock;
}

/** Makes a Security Event Token (RFC 8417) of the content, signed and named for good. */
export async function seal({ events, hasTrip }: Content, speaker: Speaker): Promise<Batch> {
  const { enrolment, clock } = speaker;
  const nowMs = clock.nowMs();
  const claims: EventClaims = {
    iss: hostUrn(enrolment.hostId),
    net: enrolment.networkId,
    aud: collectorUrn(enrolment.collectorId),
    iat: Math.floor(nowMs / 1000),
    jti: uuid7({ msecs: nowMs }),
    events,
  };
  return { jti: claims.jti, jws: await signJson(claims, EVENT_TYP, speaker.identity), hasTrip };
}

/** A compact JWS of the host over the claims. */
export async function signJson(claims: object, typ: string, identity: Identity): Promise<string> {
  return new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
    .setProtectedHeader({ alg: 'Ed25519', typ, kid: identity.thumbprint })
    .sign(identity.privateKey);
}

/** The events of a batch that this host sealed. */
export function unseal(jws: string): BatchEvents {
  return decodeJwt<EventClaims>(jws).events;
}

/** Whether a batch was sealed as the present host, with its present key, for its present collector. */
export function isSealedBy(jws: string, { identity, enrolment }: Speaker): boolean {
  const { iss, aud, net } = decodeJwt<EventClaims>(jws);
  return (
    decodeProtectedHeader(jws).kid === identity.thumbprint &&
    iss === hostUrn(enrolment.hostId) &&
    aud === collectorUrn(enrolment.collectorId) &&
    net === enrolment.networkId
  );
}
