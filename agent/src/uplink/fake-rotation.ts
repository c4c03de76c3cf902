import { collectorUrn, ROTATED_TYP } from '@picket/protocol';
import { calculateJwkThumbprint, decodeJwt, decodeProtectedHeader, type JWK } from 'jose';
import type { Answer, FakeCollector } from './fake-collector.ts';

/** Has the fake take rotations as the collector does: repeats get the same answer, a former key introduces no other. */
export class FakeRotation {
  /** Keys it takes, by thumbprint; of a former key the one that followed it. */
  readonly keys = new Map<string, string | undefined>();
  /** Former keys whose time is over. */
  readonly ended = new Set<string>();
  /** While true, what is decided is not told. */
  losesAnswers = false;

  constructor(fake: FakeCollector, hostKey: string) {
    this.keys.set(hostKey, undefined);
    fake.on('POST /v1/host-keys', async (seen) => {
      const by = String(decodeProtectedHeader(seen.body).kid);
      const { jwk } = decodeProtectedHeader(String(decodeJwt(seen.body).newKey));
      const next = await calculateJwkThumbprint(jwk as JWK);
      if (this.ended.has(by)) return endedKey();
      const isItself = by === next && [...this.keys.values()].includes(next);
      const known = isItself || (this.keys.has(by) && [undefined, next].includes(this.keys.get(by)));
      if (!known) {
        const body = JSON.stringify({ err: 'access_denied', description: 'a former key' });
        return { status: 403, body };
      }
      if (!isItself) this.keys.set(by, next);
      if (!this.keys.has(next)) this.keys.set(next, undefined);
      if (this.losesAnswers) return (request) => request.socket.destroy();
      const claims = {
        ...{ iss: collectorUrn(fake.collectorId), aud: next, iat: 1, net: fake.networkId },
        ...{ hostId: fake.hostId, formerUntilMs: 2_000_000_000_000 },
      };
      return { status: 200, body: await fake.sign(ROTATED_TYP, claims) };
    });
  }
}

/** The answer to a key whose time is over: 401 to a pull, 400 to all else. */
export const endedKey = (status = 400): Answer => ({
  status,
  body: JSON.stringify({ err: 'invalid_key', description: 'this key is no longer valid' }),
});
