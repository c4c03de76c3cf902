import { base64url, compactVerify, decodeProtectedHeader, errors, importJWK } from 'jose';
import { z } from 'zod';
import { type Refusal, refuse } from './refusal.ts';

/** Names of the one signature algorithm spoken: RFC 9864's, and the older one of RFC 8037. */
const ALGORITHMS = ['Ed25519', 'EdDSA'];

/**
 * A public Ed25519 key (RFC 8037 section 2). Other members are refused rather than dropped: a `d` would be somebody's
 * private key on the wire.
 */
export const publicJwkSchema = z.strictObject({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  /** 32 bytes. The last character's unused bits must be zero: else one key would have several names. */
  x: z.string().regex(/^[\w-]{42}[AEIMQUYcgkosw048]$/),
  kid: z.string().max(128).optional(),
  alg: z.enum(['Ed25519', 'EdDSA']).optional(),
  use: z.literal('sig').optional(),
});

/** The members of a public key that its thumbprint is made of (RFC 8037 section 2, RFC 7638 section 3.2). */
export interface PublicJwk {
  readonly kty: 'OKP';
  readonly crv: 'Ed25519';
  readonly x: string;
}

/** A token whose header was read. Nothing in it is to be believed before {@link isSignedBy} has said so. */
export interface UnverifiedToken {
  readonly ok: true;
  readonly token: string;
  readonly header: Readonly<Record<string, unknown>>;
}

/** What a token says. */
export interface Claims {
  readonly ok: true;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Header, payload and the 64 bytes of a signature; its last character's unused bits must be zero, as they are not signed. */
const COMPACT_JWS = /^[\w-]+\.[\w-]+\.[\w-]{85}[AQgw]$/;

/**
 * Reads the header of a compact JWS (RFC 7515 section 7.1) and checks what can be checked without a key. The payload is left
 * alone: megabytes of JSON are parsed for those who have signed them.
 *
 * @param typ the `typ` wanted; the `application/` that RFC 7515 section 4.1.9 lets senders add is ignored
 */
export function readToken(text: string, typ: string): UnverifiedToken | Refusal {
  const token = text.trim();
  if (!COMPACT_JWS.test(token)) return refuse('invalid_request', 'no compact JWS with an Ed25519 signature');
  const header = decode(() => decodeProtectedHeader(token));
  if (header === undefined) return refuse('invalid_request', 'the header of the JWS is no JSON object');
  const found = String(header.typ)
    .toLowerCase()
    .replace(/^application\//, '');
  if (found !== typ) return refuse('invalid_request', `typ must be ${typ}`);
  if (header.crit !== undefined)
    return refuse('invalid_request', 'no critical header extension is understood');
  if (!ALGORITHMS.includes(String(header.alg)))
    return refuse('authentication_failed', 'alg must be Ed25519 (or EdDSA)');
  return { ok: true, token, header };
}

/** Reads the payload of a token that {@link isSignedBy} the key it names. */
export function readClaims(token: string): Claims | Refusal {
  const claims = decode(() => payloadOf(token));
  if (claims === undefined) return refuse('invalid_request', 'the payload of the JWS is no JSON object');
  return { ok: true, claims };
}

function payloadOf(token: string): unknown {
  const bytes = base64url.decode(token.split('.')[1] ?? '');
  return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
}

/** A JSON object, or undefined when reading throws: everything in a token comes from outside. */
function decode(read: () => unknown): Record<string, unknown> | undefined {
  try {
    const value = read();
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Most keys kept imported: importing one takes as long as verifying a signature. */
const MAX_IMPORTED = 10_000;

type Imported = ReturnType<typeof importJWK>;

/** Imported keys by `x`, which is the whole key; the oldest is forgotten first. What is kept says nothing of who may use it. */
const importedKeys = new Map<string, Imported>();

function importedKey(x: string): Imported {
  const known = importedKeys.get(x);
  if (known !== undefined) return known;
  const [oldest] = importedKeys.keys();
  if (importedKeys.size >= MAX_IMPORTED && oldest !== undefined) importedKeys.delete(oldest);
  const imported = importJWK({ kty: 'OKP', crv: 'Ed25519', x }, 'Ed25519');
  importedKeys.set(x, imported);
  return imported;
}

/** Whether the token was signed with the private half of the key. */
export async function isSignedBy(token: string, key: PublicJwk): Promise<boolean> {
  const imported = await importedKey(key.x);
  try {
    await compactVerify(token, imported, { algorithms: ALGORITHMS });
    return true;
  } catch (error) {
    if (error instanceof errors.JOSEError) return false;
    throw error;
  }
}
