import type { HostKey } from '../verify/host-token.ts';
import type { PublicJwk } from '../verify/jws.ts';
import { isOutage } from './fault.ts';
import { createGroup, DEADLINE_MS, type Group, within } from './group.ts';
import { msOf, type Sql } from './sql.ts';

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

async function findHostKeys(sql: Sql, names: readonly KeyName[]): Promise<(HostKey | undefined)[]> {
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
