import { createClock } from '@picket/agent/uplink/clock';
import type { Identity } from '@picket/agent/uplink/identity';
import type { Speaker } from '@picket/agent/uplink/seal';
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import { v7 as uuid7 } from 'uuid';
import type { Collector } from './collector.ts';

/** One host of the fleet: its key, and the id under which the collector knows it. */
export type FleetHost = { hostId: string; identity: Identity };

/** Makes the keys and ids of hosts. */
export async function makeFleet(size: number): Promise<FleetHost[]> {
  return Promise.all(Array.from({ length: size }, makeHost));
}

async function makeHost(): Promise<FleetHost> {
  const { privateKey, publicKey } = await generateKeyPair('Ed25519', { extractable: true });
  const { kty, crv, x } = await exportJWK(publicKey);
  const publicJwk = { kty, crv, x } as Identity['publicJwk'];
  return {
    hostId: uuid7(),
    identity: { privateKey, publicJwk, thumbprint: await calculateJwkThumbprint(publicJwk) },
  };
}

/** The host as the agent's own code speaks for it. */
export function speakerOf(
  { hostId, identity }: FleetHost,
  { origin, collectorId, networkId }: Pick<Collector, 'origin' | 'collectorId' | 'networkId'>,
): Speaker {
  const enrolment = {
    ...{
      url: origin,
      collectorId,
      networkId,
      networkName: 'bench',
      hostId,
      statusSeconds: 60,
      enrolledAtMs: 0,
    },
    ...{ thumbprint: identity.thumbprint, hostKey: identity.thumbprint },
    // Only what comes down is verified with it, and nothing does here.
    collectorKey: { kty: 'OKP' as const, crv: 'Ed25519' as const, x: identity.publicJwk.x ?? '' },
  };
  return { identity, enrolment, clock: createClock() };
}
