import type { Identity } from '@picket/agent/uplink/identity';
import {
  collectorUrn,
  ENROLMENT_TYP,
  type EnrolmentClaims,
  type JoinKey,
  WIRE_VERSION,
} from '@picket/protocol';
import { CompactSign, decodeJwt } from 'jose';
import type { Client } from 'undici';
import { v7 as uuid7 } from 'uuid';
import type { Collector } from './collector.ts';
import { type FleetHost, makeIdentity } from './fleet.ts';
import { openClient } from './load.ts';

/** Hosts that enrol side by side. */
const SIDE_BY_SIDE = 16;

/** Has hosts join by the wire, from several addresses: one that joins so many may be told to wait. */
export async function enrolFleet({ origin, joinKey }: Collector, size: number): Promise<FleetHost[]> {
  const fleet: FleetHost[] = [];
  let next = 0;
  const work = async (client: Client) => {
    while (next < size) fleet.push(await enrolOne(client, joinKey, `host-${++next}`));
    await client.close();
  };
  await Promise.all(
    Array.from({ length: SIDE_BY_SIDE }, (_, i) => work(openClient(origin, `127.0.4.${i + 1}`))),
  );
  return fleet;
}

async function enrolOne(client: Client, joinKey: JoinKey, hostName: string): Promise<FleetHost> {
  const identity = await makeIdentity();
  const headers = { 'content-type': 'application/jwt', accept: 'application/jwt, application/json' };
  const body = await signEnrolment(identity, joinKey, hostName);
  const reply = await client.request({ path: '/v1/enrolments', method: 'POST', headers, body });
  const text = await reply.body.text();
  if (reply.statusCode !== 201) throw new Error(`${hostName} cannot enrol: ${reply.statusCode} ${text}`);
  return { hostId: String(decodeJwt(text).hostId), identity };
}

/** The key in the header proves that the host holds it. */
function signEnrolment(identity: Identity, joinKey: JoinKey, hostName: string): Promise<string> {
  const claims: EnrolmentClaims = {
    aud: collectorUrn(joinKey.collectorId),
    iat: Math.floor(Date.now() / 1_000),
    ...{ jti: uuid7(), net: joinKey.networkId, token: joinKey.token, wireVersion: WIRE_VERSION },
    ...{ hostName, os: 'linux', arch: 'x64', agentVersion: '0.1.0' },
  };
  return new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
    .setProtectedHeader({ alg: 'Ed25519', typ: ENROLMENT_TYP, jwk: identity.publicJwk })
    .sign(identity.privateKey);
}
