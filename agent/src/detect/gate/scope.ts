import type { Address } from '@picket/protocol';
import type { Packet } from '../../decode/packet.ts';

/** Why a packet is not looked at. */
export type Skip =
  /** A checksum is wrong: a host drops such a packet, so it asks for nothing. */
  | 'bad-checksum'
  /** For another host, or for all: broadcast, multicast, forwarded, or seen in passing. */
  | 'not-own'
  /** From an address of this host to one of this host, or from loopback. */
  | 'own-source'
  | 'ignored-interface'
  /** A port or protocol that is not watched. */
  | 'ignored-port';

/** Which way a packet goes, or why it is not looked at. */
export type Way = 'in' | 'out' | Skip;

/** Tells which packets concern the host. */
export interface Scope {
  setAddresses(own: readonly Address[]): void;
  wayOf(packet: Packet): Way;
}

/** A scope without own addresses: nothing concerns it yet. */
export function createScope(ignoredInterfaces: readonly string[]): Scope {
  const ignored = new Set(ignoredInterfaces);
  let own = new Set<Address>();
  return {
    setAddresses(addresses) {
      own = new Set(addresses.filter((address) => !isLoopback(address)));
    },
    wayOf(packet) {
      if (own.has(packet.source)) return wayOfOwn(packet, own);
      const { direction, cast, interfaceName } = packet.link;
      const isForUs = cast === 'unicast' || cast === 'unknown';
      if (direction === 'out' || !isForUs || !own.has(packet.destination)) return 'not-own';
      if (isLoopback(packet.source)) return 'own-source';
      if (interfaceName !== undefined && ignored.has(interfaceName)) return 'ignored-interface';
      return packet.checksum === 'bad' ? 'bad-checksum' : 'in';
    },
  };
}

/**
 * A packet in the name of this host. Where the link does not tell the direction, one to another host is taken as sent:
 * no router brings it here. One that came in, or that goes to an own address as well, is forged or a talk with itself, and
 * must not pass as an answer of this host. What it sent has good checksums on the wire, but often not in the capture
 * (offload), so they are not asked for.
 */
function wayOfOwn({ destination, link }: Packet, own: ReadonlySet<Address>): Way {
  return link.direction === 'in' || own.has(destination) ? 'own-source' : 'out';
}

function isLoopback(address: Address): boolean {
  return address === '::1' || address.startsWith('127.');
}
