import { type CryptoKey, calculateJwkThumbprint, importJWK } from 'jose';
import { z } from 'zod';
import { parseJson } from './state-file.ts';

/** Public Ed25519 key (RFC 8037 section 2); other members are dropped. */
export const publicJwkSchema = z.object({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
});

export type PublicJwk = z.infer<typeof publicJwkSchema>;

const keySetSchema = z.object({ keys: z.array(z.unknown()).max(100) });

/** The key with the pinned thumbprint; or that the text is no key set, or holds no such key. */
export type PinnedKey = { ok: true; jwk: PublicJwk } | { ok: false; reason: 'no key set' | 'not in it' };

/** Chooses the pinned key from the text of a JWK set (RFC 7517 section 5). Its own word about names is not believed. */
export async function pinnedKeyOf(jwksText: string, thumbprint: string): Promise<PinnedKey> {
  const set = keySetSchema.safeParse(parseJson(jwksText));
  if (!set.success) return { ok: false, reason: 'no key set' };
  for (const candidate of set.data.keys) {
    const key = publicJwkSchema.safeParse(candidate);
    if (key.success && (await calculateJwkThumbprint(key.data)) === thumbprint) {
      return { ok: true, jwk: key.data };
    }
  }
  return { ok: false, reason: 'not in it' };
}

/** The key ready to verify with. */
export async function verifyingKey(jwk: PublicJwk): Promise<CryptoKey> {
  const key = await importJWK(jwk, 'Ed25519');
  if (key instanceof Uint8Array) throw new TypeError('the key is symmetric');
  return key;
}
