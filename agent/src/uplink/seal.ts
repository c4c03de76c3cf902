import {
  type BatchEvents,
  collectorUrn,
  EVENT_TYP,
  type EventClaims,
  hostUrn,
  uuid7TimeMs,
} from '@picket/protocol';
import { CompactSign, decodeJwt, decodeProtectedHeader } from 'jose';
import { v7 as uuid7 } from 'uuid';
import type { Content } from './batches.ts';
import type { Clock } from './clock.ts';
import type { Enrolment } from './enrolment.ts';
import type { Identity } from './identity.ts';
import type { Batch } from './spool/record.ts';

/** Who speaks, to whom. A rotation puts another key in the place of the present one while all go on. */
export interface Speaker {
  identity: Identity;
  enrolment: Enrolment;
  readonly clock: Clock;
}

/**
 * Makes a Security Event Token (RFC 8417) of the content, signed and named for good.
 *
 * @param atMs the collector's time that it is dated, Unix ms; a batch dated now says whether that is in doubt
 */
export async function seal({ events, hasTrip }: Content, speaker: Speaker, atMs?: number): Promise<Batch> {
  const { enrolment, clock } = speaker;
  const dateMs = Math.max(0, Math.floor(atMs ?? clock.nowMs()));
  const doubt = atMs === undefined && !clock.isLearned() ? { originMs: clock.originMs() } : {};
  const claims: EventClaims = {
    iss: hostUrn(enrolment.hostId),
    net: enrolment.networkId,
    aud: collectorUrn(enrolment.collectorId),
    iat: Math.floor(dateMs / 1000),
    jti: uuid7({ msecs: dateMs }),
    events,
  };
  const jws = await signJson(claims, EVENT_TYP, speaker.identity);
  return { jti: claims.jti, jws, hasTrip, ...doubt };
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

/** Whether a batch was sealed as the present host, with its present key or a former one, for its present collector. */
export function isSealedBy(jws: string, { enrolment }: Pick<Speaker, 'enrolment'>): boolean {
  const { iss, aud, net } = decodeJwt<EventClaims>(jws);
  return (
    iss === hostUrn(enrolment.hostId) &&
    aud === collectorUrn(enrolment.collectorId) &&
    net === enrolment.networkId
  );
}

/** Whether it was the present key that signed a batch. */
export function isOfPresentKey(jws: string, { identity }: Pick<Speaker, 'identity'>): boolean {
  return decodeProtectedHeader(jws).kid === identity.thumbprint;
}

/** The batch with its date, signed with the present key. */
export async function sealedAnew({ jti, jws, hasTrip, originMs }: Batch, speaker: Speaker): Promise<Batch> {
  const again = await seal({ events: unseal(jws), hasTrip }, speaker, uuid7TimeMs(jti));
  return { ...again, ...(originMs !== undefined && { originMs }) };
}
