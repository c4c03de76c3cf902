import { type CryptoKey, compactVerify, decodeProtectedHeader } from 'jose';
import type { z } from 'zod';
import { parseJson } from './state-file.ts';

/** Claims the collector signed, or why they are not believed; `isSigned`: the signature at least is right. */
export type SignedReply<Claims> =
  | { ok: true; claims: Claims }
  | { ok: false; isSigned: boolean; reason: string };

/** What a signed reply has to be. */
export interface Expected<Claims> {
  /** The collector's key, chosen by the thumbprint pinned at enrolment. */
  readonly key: CryptoKey;
  /** `typ` header: a token made for one purpose is never taken for another (RFC 8725 section 3.11). */
  readonly typ: string;
  readonly schema: z.ZodType<Claims>;
}

/** Reads a JWS of the collector. Never throws for what the sender wrote. */
export async function readSignedReply<Claims>(
  jws: string,
  { key, typ, schema }: Expected<Claims>,
): Promise<SignedReply<Claims>> {
  const payload = await verified(jws.trim(), key, typ);
  if (typeof payload === 'string') return { ok: false, isSigned: false, reason: payload };
  const parsed = schema.safeParse(parseJson(new TextDecoder().decode(payload)));
  if (parsed.success) return { ok: true, claims: parsed.data };
  const issue = parsed.error.issues[0];
  return {
    ok: false,
    isSigned: true,
    reason: `it is malformed: ${issue?.path.join('.')}: ${issue?.message}`,
  };
}

/** The signed bytes, or in words what is wrong. */
async function verified(jws: string, key: CryptoKey, typ: string): Promise<Uint8Array | string> {
  try {
    const header = decodeProtectedHeader(jws);
    if (header.typ !== typ) return `it is of type ${JSON.stringify(header.typ)}, not ${typ}`;
  } catch {
    return 'it is no signed message';
  }
  try {
    return (await compactVerify(jws, key, { algorithms: ['Ed25519', 'EdDSA'] })).payload;
  } catch {
    return 'its signature is not of the collector this host was enrolled with';
  }
}
