import { collectorUrn, hostUrn, thumbprintSchema, uuid7Schema } from '@picket/protocol';
import { isSignedBy, type PublicJwk, readClaims, readToken } from './jws.ts';
import { because, ofHost, type Refusal, refuse } from './refusal.ts';

/** A host's key as the collector keeps it; times in Unix ms. */
export interface HostKey {
  readonly networkId: string;
  readonly hostId: string;
  readonly publicJwk: PublicJwk;
  /** From then on the key signs nothing; set late enough that batches spooled under it are still taken. */
  readonly validUntilMs: number | undefined;
  /** When the host was taken out of its network. */
  readonly withdrawnAtMs: number | undefined;
}

/** The answer to a host that was taken out of its network. */
export const WITHDRAWN = because(
  'withdrawn_host',
  refuse('access_denied', 'this host was withdrawn from its network'),
);

const UNKNOWN = because(
  'unknown_host',
  refuse('access_denied', 'no host of this network has this key: enrol it again'),
);

const TOO_MANY: Refusal = { ...refuse('access_denied', 'this host asks too often'), isOfHost: true };

/** What verification asks of the outside. */
export interface Verifier {
  readonly collectorId: string;
  readonly nowMs: number;
  /** The key of that thumbprint, as each network has it of which a host has it: mostly one. */
  findHostKeys(thumbprint: string): Promise<readonly HostKey[]>;
  /** Counts a request that the host has signed: seconds that it has to wait, or undefined. */
  waitOf?(hostId: string): Promise<number | undefined>;
}

/** A token whose signer is known. Its claims are the host's word: true for `iss`, `net` and `aud`, unparsed beyond. */
export interface HostToken {
  readonly ok: true;
  readonly token: string;
  readonly networkId: string;
  readonly hostId: string;
  /** Of the key that signed. */
  readonly thumbprint: string;
  readonly claims: Readonly<Record<string, unknown>>;
}

/**
 * Verifies a token that a host signed: first who signed, then what it says and for whom. A thumbprint names one key, so the
 * signature can be verified over the bytes before `net` is read, which says as a host of which network the key speaks. What is refused
 * behind a good signature is refused to a host that is known, also to one that was withdrawn: its neighbours behind the same
 * address are not to starve for it.
 */
export async function verifyHostToken(
  text: string,
  typ: string,
  verifier: Verifier,
): Promise<HostToken | Refusal> {
  const read = readToken(text, typ);
  if (!read.ok) return read;
  const kid = thumbprintSchema.safeParse(read.header.kid);
  if (!kid.success) return refuse('invalid_key', 'kid must be the SHA-256 thumbprint of the host key');
  const keys = await verifier.findHostKeys(kid.data);
  const [any] = keys;
  if (any === undefined) return UNKNOWN;
  if (!(await isSignedBy(read.token, any.publicJwk)))
    return because('signature', refuse('authentication_failed', 'the signature does not fit the token'));
  const waitSeconds = await verifier.waitOf?.(any.hostId);
  if (waitSeconds !== undefined) return { ...TOO_MANY, waitSeconds };
  return ofHost(readSigned(read.token, kid.data, keys, verifier));
}

function readSigned(
  token: string,
  thumbprint: string,
  keys: readonly HostKey[],
  verifier: Verifier,
): HostToken | Refusal {
  const said = readClaims(token);
  if (!said.ok) return said;
  const net = uuid7Schema.safeParse(said.claims.net);
  if (!net.success) return refuse('invalid_request', 'net must be the id of a network');
  const key = keys.find(({ networkId }) => networkId === net.data);
  if (key === undefined) return UNKNOWN;
  const refused = checkStanding(key, verifier.nowMs) ?? checkParties(said.claims, key, verifier);
  if (refused !== undefined) return refused;
  const { networkId, hostId } = key;
  return { ok: true, token, networkId, hostId, thumbprint, claims: said.claims };
}

function checkStanding(key: HostKey, nowMs: number): Refusal | undefined {
  // Whatever the time says: the clock of the machine on which it was withdrawn may be ahead of this one's.
  if (key.withdrawnAtMs !== undefined) return WITHDRAWN;
  if (key.validUntilMs !== undefined && key.validUntilMs <= nowMs)
    return refuse('invalid_key', 'this key is no longer valid');
  return undefined;
}

function checkParties(
  claims: Readonly<Record<string, unknown>>,
  key: HostKey,
  verifier: Verifier,
): Refusal | undefined {
  if (claims.iss !== hostUrn(key.hostId))
    return refuse('invalid_issuer', 'iss is not the host that the key belongs to');
  if (claims.aud !== collectorUrn(verifier.collectorId))
    return refuse('invalid_audience', 'aud is not this collector');
  return undefined;
}
