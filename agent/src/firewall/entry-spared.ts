import { BlockList } from 'node:net';
import { type Cidr, cidrOf, familyOf, firstAddress, prefixLength, type Source } from '@picket/protocol';
import type { Networks } from './firewall.ts';

/** Whether a source must not be blocked. */
export type IsSpared = (source: Source) => boolean;

/**
 * Spares each source that shares an address with the allow list, and each that holds a directly connected network. The
 * cost does not grow with the networks times the sources: a shared list has 100,000 of them.
 */
export function spares({ allow, onLink }: Networks): IsSpared {
  // One for each family: a BlockList takes an IPv4 address for its IPv6-mapped one too, and so for a part of ::/64.
  const allowed = { 4: new BlockList(), 6: new BlockList() };
  for (const network of allow) {
    allowed[familyOf(network)].addSubnet(firstAddress(network), prefixLength(network), nameOf(network));
  }
  const byLength = new Map<number, ReadonlySet<Cidr>>();
  /** The networks of a length that hold something which is spared; `length` is a source's, so texts compare. */
  const around = (length: number, family: 4 | 6): ReadonlySet<Cidr> => {
    const key = family * 1_000 + length;
    const known = byLength.get(key);
    if (known !== undefined) return known;
    const within = [...allow, ...onLink.filter((network) => prefixLength(network) >= length)];
    const networks = within.filter((network) => familyOf(network) === family);
    const made = new Set(networks.map((network) => cidrOf(firstAddress(network), length)));
    byLength.set(key, made);
    return made;
  };
  return (source) => {
    const [address = source, length] = source.split('/');
    if (allowed[familyOf(source)].check(address, nameOf(source))) return true;
    return length !== undefined && around(Number(length), familyOf(source)).has(source);
  };
}

function nameOf(network: Cidr): 'ipv4' | 'ipv6' {
  return familyOf(network) === 4 ? 'ipv4' : 'ipv6';
}
