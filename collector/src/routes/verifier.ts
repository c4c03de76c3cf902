import type { Deps } from '../deps.ts';
import { findHostKeys } from '../store/host-keys.ts';
import type { Verifier } from '../verify/host-token.ts';

/** What verification needs, from what the routes have. */
export function verifierOf({ signer, sql, limits, nowMs }: Deps): Verifier {
  return {
    collectorId: signer.collectorId,
    nowMs: nowMs(),
    findHostKeys: (thumbprint) => findHostKeys(sql, thumbprint),
    waitOf: (hostId) => limits.host(hostId),
  };
}
