import type { Source, Tier } from '@picket/protocol';

/** The one table Picket owns; no other is ever touched. */
export const TABLE = 'inet picket';

/** Log prefixes by which the agent tells NFLOG records apart. At most 127 characters (NF_LOG_PREFIXLEN). */
export const PROBE_PREFIX = 'picket probe';
/** The same of a source that the kernel knows as a client. */
export const CLIENT_PROBE_PREFIX = 'picket client probe';
/** A source tripped and is held. */
export const TRIP_PREFIX = 'picket trip';
/** A client tripped and is muted; and somebody tripped whom the limit on forgeable evidence lets go. */
export const CLIENT_PREFIX = 'picket client';
export const LIMIT_PREFIX = 'picket limit';

/** One of the network's own hosts asked for an unused port. */
export const SIBLING_PREFIX = 'picket sibling';

/** Who decided a block: this host, or the collector for the whole network. */
export type Origin = 'local' | 'shared';

/** How a set names sources: IPv4 addresses, IPv6 /64 networks, or single IPv6 addresses. */
export const KEYS = ['4', '64', '128'] as const;

export type Key = (typeof KEYS)[number];

/** Every combination that has a set of blocks. */
export const BLOCK_SETS: readonly { origin: Origin; tier: Tier; key: Key }[] = (
  ['local', 'shared'] as const
).flatMap((origin) =>
  (['held', 'dropped'] as const).flatMap((tier) => KEYS.map((key) => ({ origin, tier, key }))),
);

/** Name of a set of blocks: `held4`, `shared_dropped64`, … */
export function blockSet(origin: Origin, tier: Tier, key: Key): string {
  return `${origin === 'shared' ? 'shared_' : ''}${tier}${key}`;
}

/** What of a packet's source is a key. */
export const ADDRESS: Readonly<Record<Key, string>> = {
  4: 'ip saddr',
  64: 'ip6 saddr & ffff:ffff:ffff:ffff::',
  128: 'ip6 saddr',
};

/** Address family of a key: sets of one family serve both IPv6 keys where their elements cannot be mixed up. */
export function familyOfKey(key: Key): 4 | 6 {
  return key === '4' ? 4 : 6;
}

/** nftables type of an address of a key. */
export function typeOf(key: Key): string {
  return `ipv${familyOfKey(key)}_addr`;
}

/** Rules that let go whom the allow list names. */
export const ALLOWED = ['ip saddr @allow4 return', 'ip6 saddr @allow6 return'] as const;

/** A chain as it stands in a table. */
export function chain(name: string, rules: readonly string[]): string {
  return `chain ${name} {\n${rules.map((rule) => `  ${rule}\n`).join('')} }`;
}

/**
 * The kind of set a source belongs in; undefined for a prefix that no such set holds. It reads the canonical text as it
 * is: parsing the 100,000 addresses of a long list takes a second.
 */
export function keyOf(source: Source): Key | undefined {
  const [address = '', length] = source.split('/');
  if (!address.includes(':')) return length === undefined ? '4' : undefined;
  if (length === undefined) return '128';
  return length === '64' ? '64' : undefined;
}

/** The source that an element of a set stands for. */
export function sourceOfElement(element: string, key: Key): Source {
  return key === '64' ? `${element}/64` : element;
}
