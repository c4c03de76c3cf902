import type { CollectorKey } from '../signer.ts';
import { COLLECTOR, recordAct } from './audit.ts';
import type { Sql } from './sql.ts';

/**
 * The collector's keys, newest first; the first one signs. Where there is none yet the candidate becomes it. Under a
 * lock on the table, so that replicas that start at once agree on one.
 */
export async function ensureCollectorKey(
  sql: Sql,
  candidate: CollectorKey,
): Promise<[CollectorKey, ...CollectorKey[]]> {
  return sql.begin(async (tx) => {
    await tx`lock table collector_key in share row exclusive mode`;
    const rows = await tx<CollectorKey[]>`
      select thumbprint, collector_id as "collectorId", private_jwk as "privateJwk"
      from collector_key where retired_at is null order by created_at desc, thumbprint`;
    const [first, ...others] = rows;
    if (first !== undefined) return [first, ...others];
    await tx`
      insert into collector_key (thumbprint, collector_id, private_jwk)
      values (${candidate.thumbprint}, ${candidate.collectorId}, ${JSON.stringify(candidate.privateJwk)}::text::jsonb)`;
    await recordAct(tx, {
      ...{ networkId: undefined, who: COLLECTOR, act: 'collector-key.add', subject: candidate.thumbprint },
    });
    return [candidate];
  });
}
