import {
  collectorUrn,
  ENROLMENT_TYP,
  type EnrolmentClaims,
  enrolmentClaimsSchema,
  SPOKEN_WIRE_VERSIONS,
} from '@picket/protocol';
import { calculateJwkThumbprint } from 'jose';
import { cleanText } from './clean.ts';
import { refuseWireVersion } from './event-token.ts';
import { isSignedBy, type PublicJwk, publicJwkSchema, readClaims, readToken } from './jws.ts';
import { because, type Refusal, refuse, refuseSchema } from './refusal.ts';

/** A request to join whose sender holds the key that it names. Whether its join token is good, the store says. */
export interface Enrolment {
  readonly ok: true;
  readonly claims: EnrolmentClaims;
  readonly key: PublicJwk;
  readonly thumbprint: string;
}

/**
 * Verifies an enrolment request: proof of possession of the key in its header.
 *
 * `iat` and `jti` are not checked: a machine that joins may have a wrong clock and has learned no offset yet, and a
 * replay only enrols the same key once more, which is the same host and uses up nothing.
 */
export async function verifyEnrolment(text: string, collectorId: string): Promise<Enrolment | Refusal> {
  const read = readToken(text, ENROLMENT_TYP);
  if (!read.ok) return read;
  const jwk = publicJwkSchema.safeParse(read.header.jwk);
  if (!jwk.success) return refuse('invalid_key', 'jwk must be a public Ed25519 key');
  const key: PublicJwk = { kty: jwk.data.kty, crv: jwk.data.crv, x: jwk.data.x };
  if (!(await isSignedBy(read.token, key)))
    return because(
      'signature',
      refuse('authentication_failed', 'the request is not signed by the key it names'),
    );
  const said = readClaims(read.token);
  if (!said.ok) return said;
  if (!SPOKEN_WIRE_VERSIONS.includes(Number(said.claims.wireVersion)))
    return refuseWireVersion(said.claims.wireVersion);
  const claims = enrolmentClaimsSchema.safeParse(said.claims);
  if (!claims.success) return refuseSchema('enrolment', claims.error);
  if (claims.data.aud !== collectorUrn(collectorId))
    return refuse('invalid_audience', 'aud is not this collector: is the join key for another one?');
  const thumbprint = await calculateJwkThumbprint(key);
  return { ok: true, claims: cleanText(claims.data), key, thumbprint };
}
