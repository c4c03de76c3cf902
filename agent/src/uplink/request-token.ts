import { collectorUrn, hostUrn, REQUEST_TYP, type requestClaimsSchema } from '@picket/protocol';
import { v7 as uuid7 } from 'uuid';
import type { z } from 'zod';
import { type Speaker, signJson } from './seal.ts';

/** A bearer token for one request, bound to its method and URL (as RFC 9449 section 4.2 does), good for a minute. */
export async function requestToken(method: string, url: string, speaker: Speaker): Promise<string> {
  const { enrolment, clock, identity } = speaker;
  const claims: z.infer<typeof requestClaimsSchema> = {
    iss: hostUrn(enrolment.hostId),
    net: enrolment.networkId,
    aud: collectorUrn(enrolment.collectorId),
    htm: method,
    htu: url.replace(/[?#].*$/, ''),
    iat: Math.floor(clock.requestNowMs() / 1000),
    jti: uuid7(),
  };
  return signJson(claims, REQUEST_TYP, identity);
}
