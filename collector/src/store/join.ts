import { v7 as uuid7 } from 'uuid';
import type { Enrolment } from '../verify/enrolment.ts';
import { recordAct } from './audit.ts';
import { joinTokenName } from './join-tokens.ts';
import { sha256 } from './sha256.ts';
import type { Sql, Tx } from './sql.ts';

/** A host in its network. */
export interface Joined {
  readonly ok: true;
  readonly hostId: string;
  readonly networkName: string;
}

/** Why a host did not join. */
export interface NotJoined {
  readonly ok: false;
  readonly reason: 'former key' | 'unknown' | 'expired' | 'used up' | 'withdrawn token' | 'withdrawn host';
}

/** Thrown to roll a transaction back in which another request enrolled the same key first. */
class KeyTaken extends Error {}

/**
 * Enrols a host once: the same key again is the same host, with any join token or none, and uses up nothing.
 *
 * No secret is compared here: a token is looked up by its SHA-256. The time of that look-up may tell how much of a hash
 * somebody hit, but to hit more of it he needs preimages, and each costs as much as guessing the 256 random bits of the
 * token itself. A comparison in constant time could only run after the row was found, where both are equal.
 */
export async function joinNetwork(
  sql: Sql,
  enrolment: Enrolment,
  nowMs: number,
): Promise<Joined | NotJoined> {
  const tokenHash = await sha256(enrolment.claims.token);
  const attempt = () => sql.begin((tx) => join(tx, enrolment, tokenHash, new Date(nowMs)));
  return attempt().catch((error) => {
    if (error instanceof KeyTaken) return attempt();
    throw error;
  });
}

async function join(tx: Tx, enrolment: Enrolment, hash: Uint8Array, now: Date): Promise<Joined | NotJoined> {
  const known = await findEnrolled(tx, enrolment, now);
  if (known !== undefined) return known;
  const networkId = enrolment.claims.net;
  // One statement counts the use, so that of two hosts that want the last one exactly one gets it.
  const [used] = await tx`
    update join_token set uses = uses + 1
    where network_id = ${networkId} and token_hash = ${hash} and uses < max_uses
      and expires_at > ${now} and withdrawn_at is null
    returning uses`;
  // The use may have gone to this very key, in a request that was under way.
  if (used === undefined) {
    return (
      (await findEnrolled(tx, enrolment, now)) ?? {
        ok: false,
        reason: await whyNot(tx, networkId, hash, now),
      }
    );
  }
  return addHost(tx, enrolment, joinTokenName(hash));
}

async function findEnrolled(
  tx: Tx,
  { claims, thumbprint }: Enrolment,
  now: Date,
): Promise<Joined | NotJoined | undefined> {
  const [row] = await tx<{ id: string; network: string; withdrawn: boolean; former: boolean }[]>`
    select h.id, n.name as network, h.withdrawn_at is not null as withdrawn,
      coalesce(k.valid_until <= ${now}, false) as former
    from host_key k
    join host h on h.network_id = k.network_id and h.id = k.host_id
    join network n on n.id = k.network_id
    where k.network_id = ${claims.net} and k.thumbprint = ${thumbprint}`;
  if (row === undefined) return undefined;
  if (row.withdrawn) return { ok: false, reason: 'withdrawn host' };
  if (row.former) return { ok: false, reason: 'former key' };
  return { ok: true, hostId: row.id, networkName: row.network };
}

async function addHost(tx: Tx, { claims, key, thumbprint }: Enrolment, token: string): Promise<Joined> {
  const [hostId, networkId] = [uuid7(), claims.net];
  await tx`
    with numbered as (
      update network set last_host_no = last_host_no + 1 where id = ${networkId} returning last_host_no)
    insert into host (network_id, id, no, name, os, arch, agent_version)
    select ${networkId}, ${hostId}, last_host_no, ${claims.hostName}, ${claims.os}, ${claims.arch},
      ${claims.agentVersion} from numbered`;
  const [added] = await tx`
    insert into host_key (network_id, thumbprint, host_id, public_jwk)
    values (${networkId}, ${thumbprint}, ${hostId}, ${JSON.stringify(key)}::text::jsonb)
    on conflict do nothing returning host_id`;
  if (added === undefined) throw new KeyTaken();
  const { hostName: name, os, arch } = claims;
  const who = `host:${hostId}`;
  const details = { name, os, arch, token, thumbprint };
  await recordAct(tx, { networkId, who, act: 'host.enrol', subject: hostId, details });
  const [network] = await tx<{ name: string }[]>`select name from network where id = ${networkId}`;
  return { ok: true, hostId, networkName: network?.name ?? '' };
}

async function whyNot(tx: Tx, networkId: string, hash: Uint8Array, now: Date): Promise<NotJoined['reason']> {
  const [token] = await tx<{ expires_at: Date; withdrawn_at: Date | null }[]>`
    select expires_at, withdrawn_at from join_token where network_id = ${networkId} and token_hash = ${hash}`;
  if (token === undefined) return 'unknown';
  if (token.withdrawn_at !== null) return 'withdrawn token';
  return token.expires_at <= now ? 'expired' : 'used up';
}
