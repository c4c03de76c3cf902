import { type Address, parseAddress } from '@picket/protocol';
import type { Names } from './names.ts';

/** A reader of the addresses that the collector answers on, and a proxy before it; of names those of the last good answer. */
export function collectorAddresses(hosts: readonly string[], names: Names): () => readonly Address[] {
  const readers = hosts.map((host) => {
    const address = parseAddress(host);
    return () => (address === undefined ? names.addressesOf(host) : [address]);
  });
  return () => readers.flatMap((read) => read());
}
