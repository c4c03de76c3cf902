import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Enrolment } from '../uplink/enrolment.ts';
import { clockFinding, offsetOf } from './clock.ts';
import { type Answer, checkCollector, type Way } from './collector.ts';

const HOST_KEY = 'h'.repeat(43);
const DATE = 'Tue, 24 Nov 2026 12:00:00 GMT';
const NOON = Date.UTC(2026, 10, 24, 12);

let enrolment: Enrolment;
let jwks: string;

beforeAll(async () => {
  const { publicKey } = await generateKeyPair('Ed25519');
  const jwk = await exportJWK(publicKey);
  jwks = JSON.stringify({ keys: [jwk] });
  enrolment = {
    url: 'https://picket.example.org',
    thumbprint: await calculateJwkThumbprint(jwk),
    ...{ networkName: 'office', hostKey: HOST_KEY, statusSeconds: 60, enrolledAtMs: NOON },
    collectorKey: { kty: 'OKP', crv: 'Ed25519', x: jwk.x ?? '' },
    collectorId: 'c',
    networkId: 'n',
    hostId: 'h',
  };
});

const answer = (body: string, status = 200): Answer => ({
  status,
  body,
  date: DATE,
  sentMs: NOON,
  receivedMs: NOON + 1_000,
});

/** A way on which all is well but what a test says. */
const way = (more: Partial<Way> = {}): Way => ({
  resolve: async () => ({ ok: true, value: ['192.0.2.10'] }),
  connect: async () => ({ ok: true, value: undefined }),
  handshake: async () => ({ ok: true, value: 'TLSv1.3' }),
  get: async (url) => ({ ok: true, value: answer(url.endsWith('.json') ? jwks : 'ok\n') }),
  ...more,
});

const check = (
  more: Partial<Way> = {},
  changed: Partial<Enrolment> = {},
  hostKey: string | undefined = HOST_KEY,
) =>
  checkCollector({
    enrolment: { ...enrolment, ...changed },
    hostKey,
    allowInsecureHttp: false,
    way: way(more),
  });

const failing = async () => ({ ok: false as const, why: 'away' });

describe('the way to the collector', () => {
  it('is good when each step is, and tells its clock', async () => {
    const { findings, offset } = await check();
    expect(findings.map(({ grade }) => grade)).toEqual(['ok', 'ok', 'ok', 'ok']);
    expect(offset).toEqual({ offsetMs: 0, isSigned: false });
  });

  it.each<[string, Partial<Way>, string]>([
    ['its name', { resolve: failing }, 'cannot be resolved: away'],
    ['its port', { connect: failing }, 'no connection to picket.example.org port 443: away'],
    ['TLS', { handshake: failing }, 'TLS to picket.example.org port 443 fails: away'],
    ['its answer', { get: failing }, 'the collector does not answer: away'],
    ['its health', { get: async () => ({ ok: true, value: answer('', 502) }) }, '/healthz answers 502'],
    [
      'its key',
      { get: async () => ({ ok: true, value: answer('{"keys":[]}') }) },
      'is not the collector of this host',
    ],
    [
      'a page of somebody else',
      { get: async () => ({ ok: true, value: answer('<html>') }) },
      'is not the collector of this host',
    ],
  ])('is wrong at %s, and ends there', async (_, more, words) => {
    const { findings } = await check(more);
    expect(findings.at(-1)).toMatchObject({ grade: 'wrong', what: expect.stringContaining(words) });
    expect(findings.filter(({ grade }) => grade === 'wrong')).toHaveLength(1);
  });

  it('is not gone by a host that is not enrolled, or by plain http without leave', async () => {
    const alone = await checkCollector({
      enrolment: undefined,
      hostKey: undefined,
      allowInsecureHttp: false,
      way: way(),
    });
    expect(alone.findings).toMatchObject([{ grade: 'note' }]);
    const plain = await check({}, { url: 'http://picket.example.org' });
    expect(plain.findings).toMatchObject([{ grade: 'wrong', what: expect.stringContaining('plain HTTP') }]);
  });

  it('tells of a host key that is not the one enrolled', async () => {
    const { findings } = await check({}, {}, 'x'.repeat(43));
    expect(findings[0]).toMatchObject({ grade: 'wrong', what: expect.stringContaining('key of this host') });
  });
});

describe('the clock', () => {
  it('is measured in the middle between request and reply, for a header of whole seconds', () => {
    expect(offsetOf(DATE, NOON + 3_600_000, NOON + 3_601_000)).toBe(-3_600_000);
    expect(offsetOf('no date', 0, 0)).toBeUndefined();
    expect(offsetOf(undefined, 0, 0)).toBeUndefined();
  });

  it.each([
    [1_900, 'ok', 'agrees'],
    [-30_000, 'note', '30 s ahead of'],
    [7_200_000, 'wrong', '2 h behind'],
  ] as const)('off by %i ms is %s', (offsetMs, grade, words) => {
    expect(clockFinding({ offsetMs, isSigned: true })).toMatchObject({
      grade,
      what: expect.stringContaining(words),
    });
  });

  it('is not judged when nobody tells the time', () => {
    expect(clockFinding(undefined).grade).toBe('note');
  });
});
