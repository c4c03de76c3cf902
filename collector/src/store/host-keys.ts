import type { HostKey } from '../verify/host-token.ts';
import type { PublicJwk } from '../verify/jws.ts';
import { msOf, type Query } from './sql.ts';

/** The host key of that thumbprint in that network. */
export async function findHostKey(
  sql: Query,
  networkId: string,
  thumbprint: string,
): Promise<HostKey | undefined> {
  const [row] = await sql<KeyRow[]>`
    select k.host_id, k.public_jwk, k.valid_until, h.withdrawn_at
    from host_key k join host h on h.network_id = k.network_id and h.id = k.host_id
    where k.network_id = ${networkId} and k.thumbprint = ${thumbprint}`;
  if (row === undefined) return undefined;
  return {
    hostId: row.host_id,
    publicJwk: row.public_jwk,
    validUntilMs: msOf(row.valid_until),
    withdrawnAtMs: msOf(row.withdrawn_at),
  };
}

interface KeyRow {
  host_id: string;
  public_jwk: PublicJwk;
  valid_until: Date | null;
  withdrawn_at: Date | null;
}
