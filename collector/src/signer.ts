import { collectorUrn } from '@picket/protocol';
import {
  CompactSign,
  type CryptoKey,
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
} from 'jose';
import { v7 as uuid7 } from 'uuid';
import type { PublicJwk } from './verify/jws.ts';

/** A private Ed25519 key (RFC 8037 section 2). */
export interface PrivateJwk extends PublicJwk {
  readonly d: string;
}

/** A signing key of the collector as it is kept. */
export interface CollectorKey {
  readonly thumbprint: string;
  readonly collectorId: string;
  readonly privateJwk: PrivateJwk;
}

/** Signs what the collector says. */
export interface Signer {
  readonly collectorId: string;
  /** Thumbprint of the key that signs: what a join key pins. */
  readonly thumbprint: string;
  /** Public halves of all keys that are not retired, as a JWK set's members (RFC 7517 section 4). */
  readonly publicKeys: readonly (PublicJwk & { kid: string; alg: 'Ed25519'; use: 'sig' })[];
  /** A compact JWS over the claims, with the collector as `iss`. */
  sign(typ: string, claims: Readonly<Record<string, unknown>>): Promise<string>;
}

/** A new key for a collector that has none, and an id for it. */
export async function generateCollectorKey(): Promise<CollectorKey> {
  const pair = await generateKeyPair('Ed25519', { extractable: true });
  const { x, d } = await exportJWK(pair.privateKey);
  if (x === undefined || d === undefined) throw new TypeError('the key made is no Ed25519 key');
  const privateJwk: PrivateJwk = { kty: 'OKP', crv: 'Ed25519', x, d };
  return { thumbprint: await calculateJwkThumbprint(privateJwk), collectorId: uuid7(), privateJwk };
}

/** @param keys the collector's keys; the first one signs */
export async function createSigner(keys: readonly [CollectorKey, ...CollectorKey[]]): Promise<Signer> {
  const [{ thumbprint, collectorId, privateJwk }] = keys;
  const privateKey = (await importJWK({ ...privateJwk }, 'Ed25519')) as CryptoKey;
  return {
    collectorId,
    thumbprint,
    publicKeys: keys.map((key) => publicHalf(key)),
    sign(typ, claims) {
      const payload = new TextEncoder().encode(JSON.stringify({ iss: collectorUrn(collectorId), ...claims }));
      return new CompactSign(payload)
        .setProtectedHeader({ alg: 'Ed25519', typ, kid: thumbprint })
        .sign(privateKey);
    },
  };
}

/** Member by member: a spread would publish `d`. */
function publicHalf({ thumbprint, privateJwk: { kty, crv, x } }: CollectorKey): Signer['publicKeys'][number] {
  return { kty, crv, x, kid: thumbprint, alg: 'Ed25519', use: 'sig' };
}
