import { MAX_BATCH_AGE_MS } from '@picket/protocol';
import type { HostKey } from '../verify/host-token.ts';
import type { PublicJwk } from '../verify/jws.ts';
import type { Rotation } from '../verify/rotation.ts';
import { recordAct } from './audit.ts';
import { isOutage } from './fault.ts';
import { createGroup, DEADLINE_MS, type Group, within } from './group.ts';
import { msOf, type Query, type Sql, type Tx } from './sql.ts';

/** A key's name. */
interface KeyName {
  readonly networkId: string;
  readonly thumbprint: string;
}

/** Thousands of hosts may ask at once; one statement finds all their keys. */
const LIMITS = { most: 1_000, waiting: 10_000 };

const lookups = new WeakMap<Sql, Group<KeyName, HostKey | undefined>>();

/**
 * The host key of that thumbprint in that network. It is read for each request, so that a host that is withdrawn is
 * refused from its next request on, whichever replica it asks; requests that come at once share one statement.
 */
export function findHostKey(sql: Sql, networkId: string, thumbprint: string): Promise<HostKey | undefined> {
  const known = lookups.get(sql);
  const lookup = known ?? createGroup((names) => findHostKeys(sql, names), LIMITS, isOutage);
  if (known === undefined) lookups.set(sql, lookup);
  return within(DEADLINE_MS, lookup.add({ networkId, thumbprint }));
}

async function findHostKeys(sql: Query, names: readonly KeyName[]): Promise<(HostKey | undefined)[]> {
  const rows = await sql<KeyRow[]>`
    select k.network_id, k.thumbprint, k.host_id, k.public_jwk, k.valid_until, h.withdrawn_at
    from host_key k join host h on h.network_id = k.network_id and h.id = k.host_id
    where (k.network_id, k.thumbprint) in (
      select * from unnest(${names.map((n) => n.networkId)}::uuid[], ${names.map((n) => n.thumbprint)}::text[]))`;
  const keys = new Map(rows.map((row) => [`${row.network_id} ${row.thumbprint}`, keyOf(row)]));
  return names.map(({ networkId, thumbprint }) => keys.get(`${networkId} ${thumbprint}`));
}

const keyOf = (row: KeyRow): HostKey => ({
  hostId: row.host_id,
  publicJwk: row.public_jwk,
  validUntilMs: msOf(row.valid_until),
  withdrawnAtMs: msOf(row.withdrawn_at),
});

interface KeyRow {
  network_id: string;
  thumbprint: string;
  host_id: string;
  public_jwk: PublicJwk;
  valid_until: Date | null;
  withdrawn_at: Date | null;
}

/** A host has its new key. */
export interface Rotated {
  readonly ok: true;
  /** False when it had it before. */
  readonly isNew: boolean;
  /** Until then batches signed by the former key are taken, Unix ms. */
  readonly formerUntilMs: number;
}

/** Why a key was not taken. */
export interface NotRotated {
  readonly ok: false;
  readonly reason: 'former key' | 'key of another host' | 'too many keys';
}

/** Most keys of one host that are valid at once: a rotation a day leaves so many within {@link MAX_BATCH_AGE_MS}. */
const MAX_KEYS = 40;

/**
 * Gives a host a new key. The former one is valid as long as a batch signed by it could still be taken, and introduces
 * no other key: whoever steals it later can send for a host, and never become it. Repeats change nothing.
 */
export async function rotateHostKey(
  sql: Sql,
  rotation: Rotation,
  nowMs: number,
): Promise<Rotated | NotRotated> {
  return sql.begin((tx) => rotate(tx, rotation, nowMs));
}

/**
 * When the key ends that came before the present one, Unix ms. A host whose former key ended before it heard the answer
 * can ask with the new one alone.
 */
async function lastEnd(tx: Tx, { networkId, hostId }: Rotation): Promise<number | undefined> {
  const [row] = await tx<{ until: Date | null }[]>`
    select max(valid_until) as until from host_key where network_id = ${networkId} and host_id = ${hostId}`;
  return msOf(row?.until ?? null);
}

async function rotate(tx: Tx, rotation: Rotation, nowMs: number): Promise<Rotated | NotRotated> {
  const { networkId, hostId, by, key, thumbprint } = rotation;
  // Two rotations of one host at once: the second one sees what the first did.
  await tx`select from host where network_id = ${networkId} and id = ${hostId} for no key update`;
  const [former] = await findHostKeys(tx, [{ networkId, thumbprint: by }]);
  const [known] = await findHostKeys(tx, [{ networkId, thumbprint }]);
  if (known !== undefined && known.hostId !== hostId) return { ok: false, reason: 'key of another host' };
  if (known !== undefined && former?.validUntilMs !== undefined)
    return { ok: true, isNew: false, formerUntilMs: former.validUntilMs };
  if (thumbprint === by && former !== undefined && former.validUntilMs === undefined) {
    const formerUntilMs = await lastEnd(tx, rotation);
    if (formerUntilMs !== undefined) return { ok: true, isNew: false, formerUntilMs };
  }
  // A key that signs for itself and followed none, and one that has a successor already.
  if (thumbprint === by || former === undefined || former.validUntilMs !== undefined || known !== undefined)
    return { ok: false, reason: 'former key' };
  const [{ count }] = await tx<[{ count: number }]>`
    select count(*)::int from host_key
    where network_id = ${networkId} and host_id = ${hostId}
      and (valid_until is null or valid_until > ${new Date(nowMs)})`;
  if (count >= MAX_KEYS) return { ok: false, reason: 'too many keys' };
  const formerUntilMs = nowMs + MAX_BATCH_AGE_MS;
  await tx`
    insert into host_key (network_id, thumbprint, host_id, public_jwk)
    values (${networkId}, ${thumbprint}, ${hostId}, ${JSON.stringify(key)}::text::jsonb)`;
  await tx`
    update host_key set valid_until = ${new Date(formerUntilMs)}
    where network_id = ${networkId} and thumbprint = ${by}`;
  const details = { thumbprint, former: by };
  await recordAct(tx, { networkId, who: `host:${hostId}`, act: 'host.rotate-key', subject: hostId, details });
  return { ok: true, isNew: true, formerUntilMs };
}
