import { z } from 'zod';

/** UUID version 7 (RFC 9562 section 5.7), lower case: its first 48 bits are Unix time in ms. */
export const uuid7Schema = z
  .string()
  .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/, 'must be a UUIDv7');

/** Unix time in ms that a UUIDv7 holds. */
export function uuid7TimeMs(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/** Base64url SHA-256 JWK thumbprint (RFC 7638): 43 characters. */
export const thumbprintSchema = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be a SHA-256 JWK thumbprint');

/** A host's id as the `iss` of its tokens. */
export const hostUrn = (hostId: string): string => `urn:picket:host:${hostId}`;

/** A network's id as the `aud` of its block list. */
export const networkUrn = (networkId: string): string => `urn:picket:network:${networkId}`;

/** A collector's id as the `aud` of what hosts send, and the `iss` of what it signs. */
export const collectorUrn = (collectorId: string): string => `urn:picket:collector:${collectorId}`;

/** The UUID at the end of one of our URNs, or undefined when the text is no URN of that kind. */
export function idOfUrn(kind: 'host' | 'network' | 'collector', urn: string): string | undefined {
  const prefix = `urn:picket:${kind}:`;
  const id = urn.startsWith(prefix) ? urn.slice(prefix.length) : '';
  return uuid7Schema.safeParse(id).success ? id : undefined;
}

/** A time on the wire: whole ms since 1970, up to the year 2255 (2^53 µs), so that every database type holds it. */
export const unixMsSchema = z.int().min(0).max(9_007_199_254_740);

/** `iat` and `exp` of RFC 7519: seconds since 1970. */
export const numericDateSchema = z.number().min(0).max(9_007_199_254);
