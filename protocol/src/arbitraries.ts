import fc from 'fast-check';
import { type Address, addressFromBytes } from './address.ts';
import type { BlockEntry } from './block-list.ts';
import { type Cidr, cidrOf } from './cidr.ts';
import type { Source } from './source.ts';

/*
 * Values for property tests. Small pools beside random ones: collisions and neighbours are where the faults are.
 */

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

/** Bytes of an address: IPv4, IPv6, IPv6 with many zero groups, IPv4-mapped. */
export const anyBytes: fc.Arbitrary<Uint8Array> = fc.oneof(
  bytes(4),
  bytes(16),
  fc.tuple(bytes(16), bytes(8)).map(([all, zero]) => all.map((b, i) => ((zero[i >> 1] ?? 0) < 128 ? 0 : b))),
  bytes(4).map((tail) => Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...tail)),
);

/** An address in canonical text. */
export const anyAddress: fc.Arbitrary<Address> = anyBytes.map((b) => addressFromBytes(b) ?? '');

/** A network of any length around an address. */
export const anyCidr: fc.Arbitrary<Cidr> = fc
  .tuple(anyAddress, fc.nat(128))
  .map(([address, length]) => cidrOf(address, address.includes(':') ? length : length % 33));

/** One of a few sources, so that lists meet themselves again. */
export const fewSources: fc.Arbitrary<Source> = fc.constantFrom(
  '192.0.2.1',
  '192.0.2.2',
  '198.51.100.0/24',
  '2001:db8::/64',
  '2001:db8::1',
);

/** An entry of a block list. */
export const anyEntry: fc.Arbitrary<BlockEntry> = fc.tuple(
  fewSources,
  fc.nat(9_007_199_254_740),
  fc.constantFrom('held', 'dropped'),
  fc.string({ maxLength: 20 }),
);
