import {
  collectorUrn,
  hostUrn,
  NEW_KEY_TYP,
  newKeyClaimsSchema,
  ROTATION_TYP,
  rotationClaimsSchema,
} from '@picket/protocol';
import { calculateJwkThumbprint } from 'jose';
import { type HostToken, type Verifier, verifyHostToken } from './host-token.ts';
import { isSignedBy, type PublicJwk, publicJwkSchema, readClaims, readToken } from './jws.ts';
import { ofHost, type Refusal, refuse, refuseSchema } from './refusal.ts';

/** A host's wish to have another key, signed by the one it has and by the new one. */
export interface Rotation {
  readonly ok: true;
  readonly networkId: string;
  readonly hostId: string;
  /** Thumbprint of the key that signed the request. */
  readonly by: string;
  readonly key: PublicJwk;
  readonly thumbprint: string;
}

/**
 * Verifies a request to rotate a key. Its age is not looked at: a replay introduces the same key again, which changes
 * nothing.
 */
export async function verifyRotation(text: string, verifier: Verifier): Promise<Rotation | Refusal> {
  const token = await verifyHostToken(text, ROTATION_TYP, verifier);
  return token.ok ? ofHost(await readRotation(token, verifier.collectorId)) : token;
}

async function readRotation(token: HostToken, collectorId: string): Promise<Rotation | Refusal> {
  const claims = rotationClaimsSchema.safeParse(token.claims);
  if (!claims.success) return refuseSchema('rotation', claims.error);
  const { networkId, hostId, thumbprint: by } = token;
  const proof = await verifyNewKey(claims.data.newKey, { hostId, by, collectorId });
  return proof.ok ? { ...proof, networkId, hostId, by } : proof;
}

async function verifyNewKey(
  text: string,
  { hostId, by, collectorId }: { hostId: string; by: string; collectorId: string },
): Promise<Pick<Rotation, 'ok' | 'key' | 'thumbprint'> | Refusal> {
  const read = readToken(text, NEW_KEY_TYP);
  if (!read.ok) return read;
  const jwk = publicJwkSchema.safeParse(read.header.jwk);
  if (!jwk.success) return refuse('invalid_key', 'jwk of the new key must be a public Ed25519 key');
  const key: PublicJwk = { kty: jwk.data.kty, crv: jwk.data.crv, x: jwk.data.x };
  if (!(await isSignedBy(read.token, key)))
    return refuse('authentication_failed', 'the new key did not sign its own introduction');
  const said = readClaims(read.token);
  if (!said.ok) return said;
  const claims = newKeyClaimsSchema.safeParse(said.claims);
  if (!claims.success) return refuseSchema('new key', claims.error);
  const { iss, aud, by: introducer } = claims.data;
  if (iss !== hostUrn(hostId) || introducer !== by)
    return refuse('invalid_issuer', 'the new key was made for another host or introduced by another key');
  if (aud !== collectorUrn(collectorId)) return refuse('invalid_audience', 'aud is not this collector');
  return { ok: true, key, thumbprint: await calculateJwkThumbprint(key) };
}
