import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { collectorUrn, formatJoinKey, WIRE_VERSION } from '@picket/protocol';
import { decodeProtectedHeader } from 'jose';
import { v7 as uuid7 } from 'uuid';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EnrolResult, enrol } from './enrol.ts';
import { enrolmentPath, loadEnrolment, refusedUrl } from './enrolment.ts';
import { type Answer, FakeCollector } from './fake-collector.ts';
import { createHttpClient, type HttpClient } from './http.ts';
import { loadIdentity } from './identity.ts';

let stateDir: string;
let fake: FakeCollector;
let http: HttpClient;

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'picket-enrol-'));
  fake = await FakeCollector.start();
  http = createHttpClient();
});

afterEach(async () => {
  await http.close();
  await fake.stop();
  await rm(stateDir, { recursive: true, force: true });
});

const HOST = { hostName: 'a.example', os: 'linux', arch: 'x64', agentVersion: '0.1.0' };

async function tryEnrol(joinKey = fake.joinKey, allowInsecureHttp = false): Promise<EnrolResult> {
  const identity = await loadIdentity(stateDir);
  return enrol({ stateDir, identity, joinKey, host: HOST, allowInsecureHttp, http });
}

async function failureOf(result: EnrolResult | Promise<EnrolResult>): Promise<[string, string]> {
  const settled = await result;
  expect(await loadEnrolment(stateDir), 'a failed enrolment leaves nothing').toBeUndefined();
  return settled.ok ? ['ok', ''] : [settled.code, settled.message];
}

describe('an enrolment', () => {
  it('proves possession of the key and is kept', async () => {
    const result = await tryEnrol();
    expect(result).toMatchObject({
      ok: true,
      enrolment: { url: fake.url, networkName: 'lab', hostId: fake.hostId },
    });
    expect(await loadEnrolment(stateDir)).toEqual(result.ok ? result.enrolment : undefined);
    const [request] = fake.seenOn('/v1/enrolments');
    const { thumbprint, publicJwk } = await loadIdentity(stateDir);
    expect(decodeProtectedHeader(request?.body ?? '')).toEqual({
      ...{ alg: 'Ed25519', typ: 'picket-enrolment+jwt', jwk: publicJwk },
    });
    expect(request?.claims).toMatchObject({
      ...HOST,
      aud: collectorUrn(fake.collectorId),
      net: fake.networkId,
      token: fake.token,
      wireVersion: WIRE_VERSION,
    });
    expect(result.ok && result.enrolment.hostKey).toBe(thumbprint);
    expect((await readdir(stateDir)).sort()).toEqual(['enrolment.json', 'identity.jwk']);
  });

  it('shows the same key when it is done again', async () => {
    await tryEnrol();
    await tryEnrol();
    const [one, two] = fake.seenOn('/v1/enrolments').map((seen) => decodeProtectedHeader(seen.body).jwk);
    expect(one).toEqual(two);
  });

  it('does not show the join token to a server that lacks the pinned key', async () => {
    const other = await FakeCollector.start();
    const { collectorId, thumbprint, networkId, token } = fake;
    const joinKey = formatJoinKey({ url: other.url, collectorId, thumbprint, networkId, token });
    expect(await failureOf(tryEnrol(joinKey))).toEqual([
      'wrong_key',
      expect.stringContaining('another collector'),
    ]);
    expect(other.seenOn('/v1/enrolments')).toEqual([]);
    await other.stop();
  });

  it.each(['picket1.', 'picket9.abc', 'hello', ''])(
    'says what is wrong with the join key %j',
    async (text) => {
      expect(await failureOf(tryEnrol(text))).toEqual(['join_key', expect.stringMatching(/join key/i)]);
    },
  );

  it('says that a join key was cut', async () => {
    expect(await failureOf(tryEnrol(fake.joinKey.slice(0, -20)))).toEqual([
      'join_key',
      'The join key is cut or damaged: copy the whole line.',
    ]);
  });

  it('refuses plain HTTP to another machine unless it is allowed', async () => {
    const { collectorId, thumbprint, networkId, token } = fake;
    const joinKey = formatJoinKey({
      url: 'http://192.0.2.1:8440',
      collectorId,
      thumbprint,
      networkId,
      token,
    });
    expect(await failureOf(tryEnrol(joinKey))).toEqual([
      'plain_http',
      expect.stringContaining('allow_insecure_http'),
    ]);
    expect(refusedUrl('http://192.0.2.1:8440', true)).toBeUndefined();
  });

  it('says that the collector cannot be reached, and why', async () => {
    await fake.stop();
    expect(await failureOf(tryEnrol())).toEqual([
      'unreachable',
      `The collector at ${fake.url} cannot be reached: connection refused.`,
    ]);
  });

  it('says that a web server is no collector', async () => {
    fake.on('GET /.well-known/jwks.json', () => ({ status: 200, body: '<html>' }));
    expect(await failureOf(tryEnrol())).toEqual([
      'not_a_collector',
      expect.stringContaining('not as a Picket'),
    ]);
  });

  const refusal = (description: string, status = 400): Answer => ({
    status,
    body: JSON.stringify({ err: 'access_denied', description }),
  });

  it.each<[string, Answer, string, RegExp]>([
    [
      'an expired key',
      refusal('the join key expired on 2026-01-01'),
      'refused',
      /expired on 2026.*new join key/,
    ],
    ['a used-up key', refusal('the join key was used up', 403), 'refused', /used up.*new join key/],
    ['a busy collector', { status: 503, headers: { 'retry-after': '7' } }, 'busy', /again in 7 s/],
    ['another wire version', { status: 426 }, 'wire_version', /newer than this agent/],
    ['a proxy in between', { status: 404, body: '<html>' }, 'not_a_collector', /check the URL/],
    ['an unsigned answer', { status: 201, body: '{}' }, 'bad_reply', /no signed message/],
  ])('explains %s', async (_, answer, code, message) => {
    fake.on('POST /v1/enrolments', () => answer);
    expect(await failureOf(tryEnrol())).toEqual([code, expect.stringMatching(message)]);
  });

  it('keeps control characters of the collector off the terminal', async () => {
    fake.on('POST /v1/enrolments', () => refusal('\u001b[2Jgone'));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be there
    expect((await failureOf(tryEnrol()))[1]).not.toMatch(/\u001b/);
  });

  it.each([
    ['another collector', { iss: collectorUrn(uuid7()) }],
    ['another host', { aud: 'x'.repeat(43) }],
    ['another network', { net: uuid7() }],
  ])('does not believe an answer of %s', async (whose, changes) => {
    fake.on('POST /v1/enrolments', (seen) => fake.enrolled(seen, changes));
    expect(await failureOf(tryEnrol())).toEqual(['bad_reply', expect.stringContaining(whose)]);
  });

  it('does not believe an answer signed by another key', async () => {
    const forger = await FakeCollector.start();
    fake.on('POST /v1/enrolments', (seen) => forger.enrolled(seen, { iss: collectorUrn(fake.collectorId) }));
    expect(await failureOf(tryEnrol())).toEqual(['bad_reply', expect.stringContaining('signature')]);
    await forger.stop();
  });

  it('says so when its file is damaged', async () => {
    await tryEnrol();
    await writeFile(enrolmentPath(stateDir), (await readFile(enrolmentPath(stateDir))).subarray(0, 100));
    await expect(loadEnrolment(stateDir)).rejects.toMatchObject({ code: 'ERR_ENROLMENT_DAMAGED' });
  });
});

describe('a URL of a collector', () => {
  it.each([
    ['https://picket.example', true],
    ['http://localhost:8440', true],
    ['http://127.1.2.3', true],
    ['http://[::1]:8440', true],
    ['http://picket.example', false],
    ['http://127.0.0.1.example', false],
    ['http://localhost.example', false],
  ])('%s: allowed without a setting: %s', (url, isAllowed) => {
    expect(refusedUrl(url, false) === undefined).toBe(isAllowed);
  });
});
