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

/** Values that are at home in no field: of other types, at the ends of ranges, with names that JavaScript gives a meaning. */
const strangeValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom(
    null,
    true,
    '',
    '0',
    '1',
    -1,
    0.5,
    2 ** 53,
    -0,
    1e308,
    '\u0000',
    '\ud800',
    '__proto__',
    [],
    {},
  ),
  fc.string({ unit: 'binary', maxLength: 300 }),
);

/** One of the JSON values with one to three places in it replaced, left out, doubled or given a member more. */
export function mutated(values: readonly unknown[]): fc.Arbitrary<unknown> {
  const change = fc.tuple(fc.array(fc.nat(), { minLength: 1, maxLength: 8 }), fc.nat(3), strangeValue);
  return fc
    .tuple(fc.constantFrom(...values), fc.array(change, { minLength: 1, maxLength: 3 }))
    .map(([value, changes]) =>
      changes.reduce<unknown>((sum, [path, how, put]) => mutate(sum, path, how, put), value),
    );
}

function mutate(value: unknown, [at, ...rest]: readonly number[], how: number, put: unknown): unknown {
  if (typeof value !== 'object' || value === null) return put;
  const members = Object.entries(value);
  const index = (at ?? 0) % Math.max(members.length, 1);
  const [key, inner] = members[index] ?? ['new', undefined];
  const isDeeper = rest.length > 0 && typeof inner === 'object' && inner !== null;
  const next = isDeeper ? mutate(inner, rest, how, put) : put;
  if (Array.isArray(value)) {
    if (isDeeper || how === 0) return value.length === 0 ? [next] : value.with(index, next);
    return how === 1 ? value.toSpliced(index, 1) : [...value, how === 2 ? inner : put];
  }
  if (!isDeeper && how === 1) return Object.fromEntries(members.filter(([name]) => name !== key));
  return { ...value, [isDeeper || how < 3 ? key : `${key}X`]: next };
}
