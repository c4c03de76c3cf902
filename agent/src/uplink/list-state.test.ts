import { type BlockEntry, type BlockListClaims, listDigest } from '@picket/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ListState, NO_LIST, updateList } from './list-state.ts';

const entry = fc.tuple(
  fc.nat({ max: 30 }).map((n) => `198.51.100.${n}`),
  fc.nat(),
  fc.constantFrom('held' as const, 'dropped' as const),
  fc.constant('scan'),
);
const bySource = (list: BlockEntry[]): BlockEntry[] => [
  ...new Map(list.map((each) => [each[0], each])).values(),
];
const entries = fc.array(entry, { maxLength: 30 }).map(bySource);

function claims(changes: Partial<BlockListClaims>): BlockListClaims {
  return {
    ...{ iss: 'c', aud: 'n', iat: 1000, exp: 2000, epoch: 'one', since: 0, version: 1, full: true },
    ...{ add: [], remove: [], allow: [], digest: listDigest([]) },
    ...changes,
  };
}

async function take(state: ListState, changes: Partial<BlockListClaims>): Promise<ListState> {
  const update = await updateList(state, claims(changes));
  if (update.do !== 'take') throw new Error(`${update.do}: ${update.why}`);
  return update.state;
}

describe('a list after a reply', () => {
  it('is the collector’s, whether it comes whole or as changes', async () => {
    await fc.assert(
      fc.asyncProperty(entries, entries, async (first, second) => {
        const state = await take(NO_LIST, { add: first, digest: listDigest(first), version: 1 });
        const remove = first.map(([source]) => source).filter((s) => !second.some((each) => each[0] === s));
        const add = second.filter((each) => !first.some((old) => `${old}` === `${each}`));
        const changes = { full: false, since: 1, version: 2, add, remove, digest: listDigest(second) };
        const changed = await take(state, changes);
        const whole = await take(state, { version: 2, add: second, digest: listDigest(second) });
        expect(new Map(changed.entries)).toEqual(new Map(whole.entries));
        expect(changed.digest).toBe(whole.digest);
      }),
    );
  });

  const known: ListState = { ...NO_LIST, epoch: 'one', version: 5, iat: 1000 };

  it.each<[string, Partial<BlockListClaims>, string]>([
    ['an older version', { version: 4 }, 'refuse'],
    ['an older version of another history', { epoch: 'two', version: 9, iat: 999 }, 'refuse'],
    ['another history', { epoch: 'two', version: 1 }, 'take'],
    ['changes of another history', { epoch: 'two', version: 9, full: false, since: 5 }, 'ask-whole'],
    ['changes since another version', { version: 9, full: false, since: 6 }, 'ask-whole'],
    ['another digest', { version: 6, digest: '0123456789abcdef' }, 'ask-whole'],
    ['the same version', { version: 5, full: false, since: 5 }, 'take'],
  ])('of %s', async (_, changes, expected) => {
    expect((await updateList(known, claims(changes))).do).toBe(expected);
  });
});
