import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type CryptoKey,
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
} from 'jose';
import { z } from 'zod';
import { UplinkError } from './errors.ts';
import { createFile, makePrivateFolder, parseJson, readFileIfThere } from './state-file.ts';

/** What a host is: an Ed25519 key made on it, which never leaves it. */
export interface Identity {
  readonly privateKey: CryptoKey;
  /** The public half, as it is shown to the collector. */
  readonly publicJwk: JWK;
  /** Name of the key (RFC 7638), `kid` of all that the host signs. */
  readonly thumbprint: string;
}

/** RFC 8037 section 2: `x` and `d` are 32 bytes each, base64url. */
const privateJwkSchema = z.object({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string().length(43),
  d: z.string().length(43),
});

/** Where the key of a host lies. */
export const identityPath = (stateDir: string): string => join(stateDir, 'identity.jwk');

/**
 * The host's key; made when there is none.
 *
 * @throws UplinkError `ERR_IDENTITY_EXPOSED` when others can read the file, `ERR_IDENTITY_DAMAGED` when it is no key
 */
export async function loadIdentity(stateDir: string): Promise<Identity> {
  const path = identityPath(stateDir);
  const known = await loadKey(path);
  if (known !== undefined) return known;
  await makePrivateFolder(stateDir);
  return makeKey(path);
}

/** The key in a file, or undefined when there is none. Throws as {@link loadIdentity} does. */
export async function loadKey(path: string): Promise<Identity | undefined> {
  const text = await readFileIfThere(path);
  if (text === undefined) return undefined;
  await refuseExposed(path);
  const parsed = privateJwkSchema.safeParse(parseJson(text));
  if (!parsed.success) throw damaged(path);
  return identityOf(parsed.data).catch((cause: unknown) => {
    throw damaged(path, cause);
  });
}

/** Makes a key in a file. When another process made one there at the same time, that one counts. */
export async function makeKey(path: string): Promise<Identity> {
  const { privateKey } = await generateKeyPair('Ed25519', { extractable: true });
  const { kty, crv, x, d } = await exportJWK(privateKey);
  await createFile(path, `${JSON.stringify({ kty, crv, x, d })}\n`);
  const made = await loadKey(path);
  if (made === undefined) throw damaged(path);
  return made;
}

async function identityOf(jwk: z.infer<typeof privateJwkSchema>): Promise<Identity> {
  const publicJwk = { kty: jwk.kty, crv: jwk.crv, x: jwk.x };
  const privateKey = await importJWK(jwk, 'Ed25519');
  if (privateKey instanceof Uint8Array) throw new TypeError('the key is symmetric');
  return { privateKey, publicJwk, thumbprint: await calculateJwkThumbprint(publicJwk) };
}

/** Whoever reads the key can speak as this host, so a key that others may have read is not used. */
async function refuseExposed(path: string): Promise<void> {
  const { mode, uid } = await stat(path);
  const own = process.geteuid?.() ?? uid;
  if ((mode & 0o077) === 0 && uid === own) return;
  throw new UplinkError(
    'ERR_IDENTITY_EXPOSED',
    `${path} is not private (owner ${uid}, mode 0${(mode & 0o777).toString(8)}): it must belong to the agent's user ` +
      'with mode 0600. If nobody else can have read it, change that; else delete it and enrol this host again.',
  );
}

function damaged(path: string, cause?: unknown): UplinkError {
  return new UplinkError(
    'ERR_IDENTITY_DAMAGED',
    `${path} holds no Ed25519 key: restore it from a backup, or delete it and enrol this host again.`,
    { cause },
  );
}
