import { type Address, parseAddress } from '@picket/protocol';
import type { Names } from './names.ts';

/** A reader of the addresses that the collector answers on; of a name those of the last good answer. */
export function collectorAddresses(url: string | undefined, names: Names): () => readonly Address[] {
  if (url === undefined) return () => [];
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
  const address = parseAddress(host);
  return () => (address === undefined ? names.addressesOf(host) : [address]);
}
