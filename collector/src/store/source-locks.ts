import type { Source } from '@picket/protocol';
import type { Tx } from './sql.ts';

/** Locks of one network. More would seldom let two replicas pass each other; each takes room in the server's table of locks. */
const STRIPES = 64;

/**
 * Locks sources of networks until commit, so that of two hosts that report one source at once the second one's decision
 * sees the first one's evidence: whoever has the lock has waited for all who had it before to commit. A source has no row
 * of its own to be locked, so these are advisory locks, sixty-four for each network, always taken in one order. Sources
 * that share a lock wait for each other without need; with one transaction at a time in each replica that is as good as free.
 */
export async function lockSources(
  tx: Tx,
  sources: readonly { readonly networkId: string; readonly source: Source }[],
): Promise<void> {
  const locks = new Map<string, [number, number]>();
  for (const { networkId, source } of sources) {
    const lock: [number, number] = [hash(networkId), hash(source) & (STRIPES - 1)];
    locks.set(lock.join(' '), lock);
  }
  if (locks.size === 0) return;
  const inOrder = [...locks.values()].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  await tx`
    select pg_advisory_xact_lock(network, stripe)
    from unnest(${inOrder.map(([network]) => network)}::int4[], ${inOrder.map(([, stripe]) => stripe)}::int4[])
      as l(network, stripe)`;
}

/** FNV-1a, 32 bits, signed as PostgreSQL wants it. Networks that collide wait for each other, no more. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value ^ (value >>> 15);
}
