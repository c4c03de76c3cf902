import {
  BLOCK_LIST_TYP,
  blockListClaimsSchema,
  ENROLLED_TYP,
  enrolledClaimsSchema,
  idOfUrn,
  uuid7TimeMs,
} from '@picket/protocol';
import fc from 'fast-check';
import { decodeJwt, importJWK, jwtVerify } from 'jose';
import { describe, expect, test } from 'vitest';
import golden from '../../../protocol/testdata/signed/v1.json' with { type: 'json' };
import { verifyEnrolment } from './enrolment.ts';
import { verifyEventToken } from './event-token.ts';
import type { Verifier } from './host-token.ts';
import type { PublicJwk } from './jws.ts';
import { verifyRequestToken } from './request-token.ts';

/** Damaged tokens of each kind; a hundred times as many with `scripts/test --full`. */
const RUNS = process.env.PICKET_TEST_FULL === '1' ? 20_000 : 200;

const textOf = (name: string): string => golden.tokens.find((one) => one.name === name)?.token ?? '';
const kindOf = (kind: string) => golden.tokens.filter((one) => one.kind === kind);
const { iss, aud, net, jti, iat = 0 } = decodeJwt(textOf('events-status'));
const [hostId, collectorId] = [idOfUrn('host', String(iss)) ?? '', idOfUrn('collector', String(aud)) ?? ''];

/** The collector to which the golden tokens were sent, at the time of their ids, in whose network is their host. */
const VERIFIER: Verifier = {
  collectorId,
  nowMs: uuid7TimeMs(jti ?? ''),
  findHostKeys: async (thumbprint) =>
    thumbprint === golden.hostThumbprint
      ? [
          {
            ...{ networkId: String(net), hostId, publicJwk: golden.hostKey as PublicJwk },
            ...{ validUntilMs: undefined, withdrawnAtMs: undefined },
          },
        ]
      : [],
};
/** The same when its list was asked for. */
const LATER: Verifier = { ...VERIFIER, nowMs: (decodeJwt(textOf('request')).iat ?? 0) * 1000 };
const BOUND = { method: 'GET', paths: ['/v1/blocklist'] };

const verifyRequest = (token: string) => verifyRequestToken(`Bearer ${token}`, BOUND, LATER);

describe('tokens of wire version 1', () => {
  test.each(kindOf('event'))('are taken as they were sent: $name', async ({ token }) => {
    expect(await verifyEventToken(token, VERIFIER)).toMatchObject({
      ok: true,
      hostId,
      networkId: net,
      token,
    });
  });

  test('are taken as they were sent: the request for a list', async () => {
    expect(await verifyRequest(textOf('request'))).toMatchObject({ ok: true, hostId });
  });

  test('are taken as they were sent: an enrolment', async () => {
    const { hostThumbprint: thumbprint } = golden;
    expect(await verifyEnrolment(textOf('enrolment'), collectorId)).toMatchObject({ ok: true, thumbprint });
  });

  test.each([...kindOf('enrolled'), ...kindOf('block-list')])(
    'are what hosts accept of a collector: $name',
    async ({ kind, token }) => {
      const key = await importJWK(golden.collectorKey, 'Ed25519');
      const typ = kind === 'enrolled' ? ENROLLED_TYP : BLOCK_LIST_TYP;
      const { payload, protectedHeader } = await jwtVerify(token, key, {
        typ,
        currentDate: new Date(iat * 1000),
      });
      expect(protectedHeader.kid).toBe(golden.collectorThumbprint);
      (kind === 'enrolled' ? enrolledClaimsSchema : blockListClaimsSchema).parse(payload);
    },
  );
});

/** The token with a piece of it replaced. */
const damaged = (token: string) =>
  fc
    .tuple(fc.nat(token.length), fc.nat(8), fc.oneof(fc.string({ unit: 'binary' }), fc.base64String()))
    .map(([at, cut, put]) => token.slice(0, at) + put + token.slice(at + cut))
    .filter((text) => text.trim() !== token);

describe('a damaged token is refused, never taken and never thrown at', () => {
  const [event, request, enrolment] = [textOf('events-all-kinds'), textOf('request'), textOf('enrolment')];
  test.each([
    ['of events', event, (text: string) => verifyEventToken(text, VERIFIER)],
    ['of a request', request, verifyRequest],
    ['of an enrolment', enrolment, (text: string) => verifyEnrolment(text, collectorId)],
  ])('%s', async (_, token, verify) => {
    const property = fc.asyncProperty(damaged(token), async (text) => {
      expect(await verify(text)).toMatchObject({ ok: false, err: expect.any(String) });
    });
    await fc.assert(property, { numRuns: RUNS });
  });
});
