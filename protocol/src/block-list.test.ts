import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import full from '../testdata/v1/block-list-full.json' with { type: 'json' };
import { anyEntry, fewSources } from './arbitraries.ts';
import { applyChanges, type BlockEntry, blockListClaimsSchema, listDigest } from './block-list.ts';
import type { Source } from './source.ts';

type List = ReadonlyMap<Source, BlockEntry>;
const anyList: fc.Arbitrary<List> = fc
  .array(anyEntry, { maxLength: 5 })
  .map((entries) => new Map(entries.map((entry) => [entry[0], entry])));

/** What a collector sends a host that has `from` to bring it to `to`. */
function changes(from: List, to: List) {
  const add = [...to.values()].filter((entry) => from.get(entry[0])?.join() !== entry.join());
  return { full: false, add, remove: [...from.keys()].filter((source) => !to.has(source)) };
}

describe('the digest of a list', () => {
  it('is the one that was published with wire version 1', () => {
    expect(full.message.digest).toBe('1d70a1977a73699a');
    expect(listDigest(blockListClaimsSchema.parse(full.message).add)).toBe(full.message.digest);
    expect(listDigest([])).toBe('0000000000000000');
  });

  it('does not depend on the order', () => {
    fc.assert(
      fc.property(fc.array(anyEntry), (entries) => listDigest(entries) === listDigest(entries.toReversed())),
    );
  });

  it('differs when a source, an end or a tier differs', () => {
    const texts = (list: readonly BlockEntry[]) => list.map(([s, until, tier]) => `${s} ${until} ${tier}`);
    fc.assert(
      fc.property(
        fc.array(anyEntry, { maxLength: 4 }),
        fc.array(anyEntry, { maxLength: 4 }),
        (one, other) => {
          const same = texts(one).sort().join() === texts(other).sort().join();
          expect(listDigest(one) === listDigest(other)).toBe(same);
        },
      ),
    );
  });

  it('adds up: the digest of two lists follows from those of each', () => {
    const sum = (a: string, b: string) => (BigInt(`0x${a}`) + BigInt(`0x${b}`)) & ((1n << 64n) - 1n);
    fc.assert(
      fc.property(fc.array(anyEntry), fc.array(anyEntry), (one, other) => {
        const whole = listDigest([...one, ...other]);
        expect(BigInt(`0x${whole}`)).toBe(sum(listDigest(one), listDigest(other)));
      }),
    );
  });
});

describe('applying changes', () => {
  it('brings any list to any other', () => {
    fc.assert(
      fc.property(anyList, anyList, (from, to) => {
        const reached = applyChanges(from, changes(from, to));
        expect(new Map([...reached].sort())).toEqual(new Map([...to].sort()));
        expect(listDigest(reached.values())).toBe(listDigest(to.values()));
      }),
    );
  });

  it('gives the same when done twice, and leaves the old list as it was', () => {
    fc.assert(
      fc.property(anyList, anyList, (from, to) => {
        const before = new Map(from);
        const once = applyChanges(from, changes(from, to));
        expect(applyChanges(once, changes(from, to))).toEqual(once);
        expect(from).toEqual(before);
      }),
    );
  });

  it('forgets everything else when the reply is the whole list', () => {
    fc.assert(
      fc.property(anyList, anyList, fc.array(fewSources), (from, to, remove) => {
        const reached = applyChanges(from, { full: true, add: [...to.values()], remove });
        expect(new Map([...reached].sort())).toEqual(new Map([...to].sort()));
      }),
    );
  });
});
