import { z } from 'zod';
import { type Address, familyOf, parseAddress } from './address.ts';
import { type Cidr, cidrOf, contains, parseCidr, prefixLength } from './cidr.ts';

/**
 * Where probes come from, in canonical text: an IPv4 address, an IPv6 /64, or one IPv6 address where the /64 is a
 * directly connected network (neighbours on one wire are different machines). A wider shared prefix is a CIDR.
 */
export type Source = string;

/**
 * The source an address belongs to.
 *
 * @param onLink directly connected IPv6 networks, whose addresses count one by one
 */
export function sourceOf(address: Address, onLink: readonly Cidr[] = []): Source {
  if (familyOf(address) === 4 || onLink.some((network) => contains(network, address))) return address;
  return cidrOf(address, 64);
}

/**
 * Whether a source is one that can be blocked: one IPv4 address, one IPv6 /64 or one IPv6 address. Whoever could have a
 * wider prefix blocked could cut a host off from a whole network with one word; hosts refuse such entries.
 */
export function isSingleSource(source: Source): boolean {
  const length = prefixLength(source);
  return familyOf(source) === 4 ? length === 32 : length === 64 || length === 128;
}

/** Canonical text of a source, or undefined. `192.0.2.1/32` becomes `192.0.2.1`; an IPv6 /128 its address. */
export function parseSource(text: string): Source | undefined {
  const address = parseAddress(text);
  if (address !== undefined) return address;
  const parsed = parseCidr(text);
  if (!parsed.ok) return undefined;
  return parsed.cidr.replace(/^([^:]*)\/32$/, '$1').replace(/^(.*:.*)\/128$/, '$1');
}

/** Schema of a source on the wire; only the canonical text is accepted, so that equal sources are equal strings. */
export const sourceSchema = z
  .string()
  .max(49)
  .refine((text) => parseSource(text) === text, 'must be a canonical address or CIDR');

/** Schema of a plain address on the wire, canonical. */
export const addressSchema = z
  .string()
  .max(45)
  .refine((text) => parseAddress(text) === text, 'must be a canonical address');

/** The first address of a source: itself, or that of its prefix. */
export function firstAddress(source: Source): Address {
  return source.split('/')[0] ?? source;
}
