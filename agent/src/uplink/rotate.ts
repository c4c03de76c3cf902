import {
  collectorUrn,
  hostUrn,
  NEW_KEY_TYP,
  type NewKeyClaims,
  ROTATED_TYP,
  ROTATION_TYP,
  type RotatedClaims,
  type RotationClaims,
  rotatedClaimsSchema,
} from '@picket/protocol';
import { CompactSign } from 'jose';
import { v7 as uuid7 } from 'uuid';
import { verifyingKey } from './collector-key.ts';
import { type EnrolFailure, explainRefusal, failure, MAY_WORK_ELSEWHERE } from './enrol-refusal.ts';
import type { Enrolment } from './enrolment.ts';
import type { HttpClient } from './http.ts';
import type { Identity } from './identity.ts';
import type { KeyFiles } from './rotation-files.ts';
import { signJson } from './seal.ts';
import { readSignedReply } from './signed-reply.ts';

/** What a rotation works with. */
export interface RotateRequest {
  readonly identity: Identity;
  readonly enrolment: Enrolment;
  /** Base URLs of the collector, in order. */
  readonly urls: readonly string[];
  readonly http: HttpClient;
  readonly files: KeyFiles;
  /** The collector's time as well as it is known, Unix ms. */
  readonly nowMs?: () => number;
}

/** The new key in its place; or why the old one stays. */
export type RotateResult =
  | { ok: true; identity: Identity; enrolment: Enrolment; formerUntilMs: number }
  | EnrolFailure;

const LIMIT_MS = 15_000;

/** Longest that a rotation takes, ms: each URL hangs, and the last one is asked with both keys. */
export const rotationLimitMs = (urls: number): number => (Math.max(1, urls) + 1) * LIMIT_MS;

const MAX_REPLY_BYTES = 64 * 1024;

/**
 * Gives this host a new key. The new one lies beside the present one until the collector has it; then the enrolment names
 * it, then it takes the place. Killed anywhere in between, the host speaks with one of the two, both of which the collector
 * takes; doing it again goes on with the same new key.
 */
export async function rotateKey(request: RotateRequest): Promise<RotateResult> {
  const { enrolment, files, urls } = request;
  const begun = await files.candidate('next');
  const next = begun ?? (await files.make('next'));
  let result: RotateResult = failure('unreachable', 'There is no URL of a collector.');
  for (const url of urls) {
    const told = await (begun === undefined ? tell : tellAgain)(request, next, url);
    if (!told.ok) {
      result = told;
      if (MAY_WORK_ELSEWHERE.has(told.code)) continue;
      break;
    }
    const renewed = { ...enrolment, hostKey: next.thumbprint };
    await files.enrol(renewed);
    await files.promote('next');
    return { ok: true, identity: next, enrolment: renewed, formerUntilMs: told.claims.formerUntilMs };
  }
  return result;
}

type Told = { ok: true; claims: RotatedClaims } | EnrolFailure;

/**
 * The collector may have taken the new key long ago, with its answer lost, and the present one may have ended since: then
 * it hears the new one alone.
 */
async function tellAgain(request: RotateRequest, next: Identity, url: string): Promise<Told> {
  const told = await tell(request, next, url);
  if (told.ok || told.code !== 'refused') return told;
  const itself = await tell({ ...request, identity: next }, next, url);
  return itself.ok ? itself : told;
}

async function tell(request: RotateRequest, next: Identity, url: string): Promise<Told> {
  const result = await request.http.call({
    url: `${url}/v1/host-keys`,
    headers: { 'content-type': 'application/jwt', accept: 'application/jwt, application/json' },
    body: await signRequest(request, next),
    limitMs: LIMIT_MS,
    maxBytes: MAX_REPLY_BYTES,
  });
  if (!result.ok)
    return failure('unreachable', `The collector at ${url} cannot be reached: ${result.reason}.`);
  if (result.reply.status !== 200) return explainRefusal(url, result.reply, 'give this host a new key');
  return believe(request.enrolment, next, result.reply.body);
}

async function signRequest(
  { identity, enrolment, nowMs = Date.now }: RotateRequest,
  next: Identity,
): Promise<string> {
  const [iss, aud] = [hostUrn(enrolment.hostId), collectorUrn(enrolment.collectorId)];
  const proof: NewKeyClaims = { iss, aud, by: identity.thumbprint };
  const newKey = await new CompactSign(new TextEncoder().encode(JSON.stringify(proof)))
    .setProtectedHeader({ alg: 'Ed25519', typ: NEW_KEY_TYP, jwk: next.publicJwk })
    .sign(next.privateKey);
  const iat = Math.max(0, Math.floor(nowMs() / 1000));
  const claims: RotationClaims = { iss, aud, net: enrolment.networkId, iat, jti: uuid7(), newKey };
  return signJson(claims, ROTATION_TYP, identity);
}

/** Only the collector's signed word that it has the key makes the host use it. */
async function believe(enrolment: Enrolment, next: Identity, jws: string): Promise<Told> {
  const key = await verifyingKey(enrolment.collectorKey);
  const signed = await readSignedReply(jws, { key, typ: ROTATED_TYP, schema: rotatedClaimsSchema });
  if (!signed.ok) return failure('bad_reply', `The answer is not believed: ${signed.reason}.`);
  const { iss, aud, net, hostId } = signed.claims;
  const isOurs =
    iss === collectorUrn(enrolment.collectorId) &&
    aud === next.thumbprint &&
    net === enrolment.networkId &&
    hostId === enrolment.hostId;
  return isOurs
    ? { ok: true, claims: signed.claims }
    : failure('bad_reply', 'The answer is not believed: it is for another host or key.');
}
