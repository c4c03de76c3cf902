import {
  collectorUrn,
  ENROLLED_TYP,
  ENROLMENT_TYP,
  type EnrolledClaims,
  type EnrolmentClaims,
  enrolledClaimsSchema,
  type JoinKey,
  parseJoinKey,
  WIRE_VERSION,
} from '@picket/protocol';
import { CompactSign } from 'jose';
import { v7 as uuid7 } from 'uuid';
import { type PublicJwk, pinnedKeyOf, verifyingKey } from './collector-key.ts';
import { collectorUrls } from './endpoints.ts';
import { type EnrolFailure, explainRefusal, failure, MAY_WORK_ELSEWHERE } from './enrol-refusal.ts';
import { type Enrolment, refusedUrl, saveEnrolment } from './enrolment.ts';
import type { HttpClient, HttpReply } from './http.ts';
import type { Identity } from './identity.ts';
import { readSignedReply } from './signed-reply.ts';

/** What an enrolment needs to know. */
export interface EnrolRequest {
  readonly stateDir: string;
  readonly identity: Identity;
  /** Text of the join key, as it was pasted. */
  readonly joinKey: string;
  readonly host: Pick<EnrolmentClaims, 'hostName' | 'os' | 'arch' | 'agentVersion'>;
  /** Whether http:// to another machine is allowed (a lab). */
  readonly allowInsecureHttp: boolean;
  readonly http: HttpClient;
  /** URLs that take the place of the join key's, in order of preference. */
  readonly urls?: readonly string[];
  /** Wall clock, Unix ms. */
  readonly nowMs?: () => number;
}

/** The enrolment, saved; or why there is none. */
export type EnrolResult = { ok: true; enrolment: Enrolment } | EnrolFailure;

/** Longest time one request of an enrolment may take, ms; a person waits for it. */
const LIMIT_MS = 20_000;

/** Longest reply of an enrolment that is read, bytes. */
const MAX_REPLY_BYTES = 64 * 1024;

/**
 * Enrols this host and saves the enrolment in the state folder. Doing it again with the same key is the same host.
 * The collector's key is checked before the join token leaves the host.
 */
export async function enrol(request: EnrolRequest): Promise<EnrolResult> {
  const parsed = parseJoinKey(request.joinKey);
  if (!parsed.ok) return failure('join_key', sentence(parsed.reason));
  const { joinKey } = parsed;
  const urls = collectorUrls(request.urls ?? [], joinKey);
  const failures: EnrolFailure[] = [];
  for (const url of urls) {
    const plain = refusedUrl(url, request.allowInsecureHttp);
    const result =
      plain === undefined ? await enrolAt(request, { ...joinKey, url }) : failure('plain_http', plain);
    if (result.ok || !MAY_WORK_ELSEWHERE.has(result.code)) return result;
    failures.push(result);
  }
  const [first = failure('unreachable', 'There is no URL of a collector.')] = failures;
  return { ...first, message: failures.map(({ message }) => message).join(' ') };
}

/** Enrols on one URL, which the join key was given. */
async function enrolAt(request: EnrolRequest, joinKey: JoinKey): Promise<EnrolResult> {
  const collector = await fetchPinnedKey(request, joinKey);
  if (!collector.ok) return collector;
  const reply = await submit(request, joinKey);
  if (!reply.ok) return reply;
  return accept(request, joinKey, collector.jwk, reply.reply);
}

async function fetchPinnedKey(
  { http }: EnrolRequest,
  joinKey: JoinKey,
): Promise<{ ok: true; jwk: PublicJwk } | EnrolFailure> {
  const url = `${joinKey.url}/.well-known/jwks.json`;
  const result = await http.call({ url, limitMs: LIMIT_MS, maxBytes: MAX_REPLY_BYTES });
  if (!result.ok) return unreachable(joinKey.url, result.reason);
  const { status, body } = result.reply;
  if (status === 429 || status >= 500) return explainRefusal(joinKey.url, result.reply);
  const key = await pinnedKeyOf(status === 200 ? body : '', joinKey.thumbprint);
  if (key.ok) return key;
  if (key.reason === 'not in it') return failure('wrong_key', wrongKey(joinKey.url));
  return failure(
    'not_a_collector',
    `${joinKey.url} answers (HTTP ${status}), but not as a Picket collector: check the URL in the join key.`,
  );
}

async function submit(
  request: EnrolRequest,
  joinKey: JoinKey,
): Promise<{ ok: true; reply: HttpReply } | EnrolFailure> {
  const result = await request.http.call({
    url: `${joinKey.url}/v1/enrolments`,
    headers: { 'content-type': 'application/jwt', accept: 'application/jwt, application/json' },
    body: await signRequest(request, joinKey),
    limitMs: LIMIT_MS,
    maxBytes: MAX_REPLY_BYTES,
  });
  if (!result.ok) return unreachable(joinKey.url, result.reason);
  if (result.reply.status === 201 || result.reply.status === 200) return result;
  return explainRefusal(joinKey.url, result.reply);
}

/** The key in the header proves that the host holds it. */
async function signRequest(
  { identity, host, nowMs = Date.now }: EnrolRequest,
  joinKey: JoinKey,
): Promise<string> {
  const claims: EnrolmentClaims = {
    aud: collectorUrn(joinKey.collectorId),
    iat: Math.floor(nowMs() / 1000),
    jti: uuid7(),
    net: joinKey.networkId,
    token: joinKey.token,
    ...host,
    wireVersion: WIRE_VERSION,
  };
  return new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
    .setProtectedHeader({ alg: 'Ed25519', typ: ENROLMENT_TYP, jwk: identity.publicJwk })
    .sign(identity.privateKey);
}

async function accept(
  { stateDir, identity, nowMs = Date.now }: EnrolRequest,
  joinKey: JoinKey,
  collectorKey: PublicJwk,
  reply: HttpReply,
): Promise<EnrolResult> {
  const key = await verifyingKey(collectorKey);
  const signed = await readSignedReply(reply.body, { key, typ: ENROLLED_TYP, schema: enrolledClaimsSchema });
  if (!signed.ok) return badReply(joinKey.url, signed.reason);
  const misfit = misfitOf(signed.claims, joinKey, identity);
  if (misfit !== undefined) return badReply(joinKey.url, misfit);
  const { url, collectorId, thumbprint, networkId } = joinKey;
  const { networkName, hostId, statusSeconds } = signed.claims;
  const enrolment: Enrolment = {
    ...{ url, collectorId, thumbprint, collectorKey, networkId },
    ...{ networkName, hostId, statusSeconds },
    hostKey: identity.thumbprint,
    enrolledAtMs: nowMs(),
  };
  await saveEnrolment(stateDir, enrolment);
  return { ok: true, enrolment };
}

/** What in a signed answer belongs to someone else. An old answer to the same host and key is as good as a new one. */
function misfitOf(claims: EnrolledClaims, joinKey: JoinKey, identity: Identity): string | undefined {
  if (claims.iss !== collectorUrn(joinKey.collectorId)) return 'it is of another collector';
  if (claims.aud !== identity.thumbprint) return 'it is for another host';
  if (claims.net !== joinKey.networkId) return 'it is of another network';
  return undefined;
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

const unreachable = (url: string, reason: string): EnrolFailure =>
  failure('unreachable', `The collector at ${url} cannot be reached: ${reason}.`);

const badReply = (url: string, reason: string): EnrolFailure =>
  failure('bad_reply', `The answer of ${url} is not believed: ${reason}.`);

const wrongKey = (url: string): string =>
  `${url} does not hold the key that the join key names: it is another collector, or someone in between. Check the ` +
  'URL; if the collector was set up anew, make a new join key with `picket join-key NETWORK`.';
