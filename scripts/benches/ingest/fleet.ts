import { createClock } from '@picket/agent/uplink/clock';
import type { Identity } from '@picket/agent/uplink/identity';
import type { Speaker } from '@picket/agent/uplink/seal';
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import type { Collector } from './collector.ts';

/** One host of the fleet: its key, and the id under which the collector knows it. */
export type FleetHost = { hostId: string; identity: Identity };

/** A key as hosts make it, in memory only. */
export async function makeIdentity(): Promise<Identity> {
  const { privateKey, publicKey } = await generateKeyPair('Ed25519', { extractable: true });
  const { kty, crv, x } = await exportJWK(publicKey);
  const publicJwk = { kty, crv, x } as Identity['publicJwk'];
  return { privateKey, publicJwk, thumbprint: await calculateJwkThumbprint(publicJwk) };
}

/** The host as the agent's own code speaks for it. */
export function speakerOf({ hostId, identity }: FleetHost, { joinKey }: Pick<Collector, 'joinKey'>): Speaker {
  const { url, collectorId, networkId, thumbprint } = joinKey;
  const enrolment = {
    ...{ url, collectorId, networkId, networkName: 'bench', hostId, statusSeconds: 60, enrolledAtMs: 0 },
    ...{ thumbprint, hostKey: identity.thumbprint },
    // Only what comes down is verified with it, and nothing does here.
    collectorKey: { kty: 'OKP' as const, crv: 'Ed25519' as const, x: '' },
  };
  return { identity, enrolment, clock: createClock() };
}
