import type { Deps } from '../deps.ts';
import { findHostKey } from '../store/host-keys.ts';
import type { Verifier } from '../verify/host-token.ts';

/** What verification needs, from what the routes have. */
export function verifierOf({ signer, sql, nowMs }: Deps): Verifier {
  return {
    collectorId: signer.collectorId,
    nowMs: nowMs(),
    findHostKey: (networkId, thumbprint) => findHostKey(sql, networkId, thumbprint),
  };
}
