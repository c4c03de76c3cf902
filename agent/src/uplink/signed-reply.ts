import { type CryptoKey, compactVerify, decodeProtectedHeader } from 'jose';
import { z } from 'zod';
import { inSlices } from './slices.ts';
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
  readonly long?: LongField<Claims>;
}

/** An array in the claims that may be long: its members are read in slices, with other work of the agent between them. */
export interface LongField<Claims> {
  readonly field: string & keyof Claims;
  readonly member: z.ZodType;
  /** Most members that the schema takes. */
  readonly most: number;
}

/** Members read in one go: some 2 ms of work. */
const SLICE = 1000;

/** Reads a JWS of the collector. Never throws for what the sender wrote. */
export async function readSignedReply<Claims>(
  jws: string,
  { key, typ, schema, long }: Expected<Claims>,
): Promise<SignedReply<Claims>> {
  const payload = await verified(jws.trim(), key, typ);
  if (typeof payload === 'string') return { ok: false, isSigned: false, reason: payload };
  const parsed = await parse(parseJson(new TextDecoder().decode(payload)), schema, long);
  if (parsed.success) return { ok: true, claims: parsed.data };
  const issue = parsed.error.issues[0];
  return {
    ok: false,
    isSigned: true,
    reason: `it is malformed: ${issue?.path.join('.')}: ${issue?.message}`,
  };
}

async function parse<Claims>(
  json: unknown,
  schema: z.ZodType<Claims>,
  long: LongField<Claims> | undefined,
): Promise<z.ZodSafeParseResult<Claims>> {
  const members = long && (json as Record<string, unknown> | undefined)?.[long.field];
  // What is no such array, or longer than may be, the schema itself has words for.
  if (long === undefined || !Array.isArray(members) || members.length > long.most)
    return schema.safeParse(json);
  const shell = schema.safeParse({ ...(json as object), [long.field]: [] });
  const slice = z.array(long.member);
  const read: unknown[] = [];
  await inSlices(members, SLICE, (some) => void read.push(...(slice.safeParse(some).data ?? [])));
  if (!shell.success || read.length < members.length) return schema.safeParse(json);
  return { ...shell, data: { ...shell.data, [long.field]: read } };
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
