import { describe, expect, test } from 'vitest';
import { createGroup, type Divide, type GroupLimits, Overloaded, oneByOne, within } from './group.ts';

/** Does numbers in groups: what a group was is told, the word of a gate is waited for, negative ones cannot be done. */
function doubler(limits: Partial<GroupLimits<number>> = {}) {
  const groups: number[][] = [];
  let gate = Promise.resolve();
  const together = async (items: readonly number[]) => {
    groups.push([...items]);
    await gate;
    if (items.includes(Number.POSITIVE_INFINITY)) throw new Error('gone');
    if (items.includes(13)) throw new Error('odd');
    if (items.some((item) => item < 0)) throw new Error('negative');
    return items.map((item) => item * 2);
  };
  const divide = (error: unknown): Divide<number> | undefined => {
    const { message } = error as Error;
    if (message === 'gone') return undefined;
    return message === 'odd' ? (item) => item % 2 : oneByOne;
  };
  const group = createGroup<number, number>({ together, divide }, { most: 100, waiting: 100, ...limits });
  const hold = (): (() => void) => {
    let open = () => {};
    gate = new Promise((resolve) => {
      open = resolve;
    });
    return open;
  };
  return { group, groups, hold };
}

describe('a group', () => {
  test('gathers what comes while another is under way, and gives each its own result', async () => {
    const { group, groups, hold } = doubler();
    const open = hold();
    const first = group.add(1);
    await expect.poll(() => groups.length).toBe(1);
    const others = [2, 3, 4].map((item) => group.add(item));
    open();
    expect(await Promise.all([first, ...others])).toEqual([2, 4, 6, 8]);
    expect(groups).toEqual([[1], [2, 3, 4]]);
  });

  test('does its items one by one when together they fail: the one that cannot be done harms no other', async () => {
    const { group, groups } = doubler();
    const done = await Promise.allSettled([1, -2, 3].map((item) => group.add(item)));
    expect(done.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(groups).toEqual([[1, -2, 3], [1], [-2], [3]]);
  });

  test('fails as a whole when it is the fault of no item, without trying each', async () => {
    const { group, groups } = doubler();
    const done = await Promise.allSettled([1, Number.POSITIVE_INFINITY, 3].map((item) => group.add(item)));
    expect(done.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(groups).toHaveLength(1);
    expect(await group.add(4)).toBe(8);
  });

  test('is divided as the error says, and what then fails as a whole is not divided again', async () => {
    const { group, groups } = doubler();
    const done = await Promise.allSettled([2, 13, 4, 5].map((item) => group.add(item)));
    expect(done.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected']);
    expect(groups).toEqual([
      [2, 13, 4, 5],
      [2, 4],
      [13, 5],
    ]);
  });

  test('does not begin what nobody waits for any more, neither the next group nor one by one', async () => {
    const { group, groups, hold } = doubler({ deadlineMs: 500 });
    const open = hold();
    const first = [1, -2].map((item) => group.add(item));
    await expect.poll(() => groups.length).toBe(1);
    const done = await Promise.allSettled([...first, group.add(3)]);
    expect(done.map((one) => one.status === 'rejected' && one.reason)).toEqual(
      Array(3).fill(expect.any(Overloaded)),
    );
    open();
    expect(await group.add(5)).toBe(10);
    expect(groups).toEqual([[1, -2], [5]]);
  });

  test('is bounded by number and by weight, and one that is too heavy goes alone', async () => {
    const { group, groups } = doubler({ most: 3, heaviest: 10, weight: (item) => item });
    await Promise.all([1, 1, 1, 1, 20, 6, 6].map((item) => group.add(item)));
    expect(groups).toEqual([[1, 1, 1], [1], [20], [6], [6]]);
  });

  test('refuses at once what is larger than may be kept, until that is done', async () => {
    const { group, groups, hold } = doubler({ size: (item) => item, largest: 10 });
    const open = hold();
    const first = group.add(6);
    await expect.poll(() => groups.length).toBe(1);
    const second = group.add(4);
    await expect(group.add(1)).rejects.toThrow(Overloaded);
    open();
    expect(await Promise.all([first, second])).toEqual([12, 8]);
    expect(await group.add(20)).toBe(40);
    expect(await group.add(10)).toBe(20);
  });

  test('refuses at once what is more than may wait', async () => {
    const { group } = doubler({ waiting: 2 });
    const done = await Promise.allSettled([1, 2, 3].map((item) => group.add(item)));
    expect(done.map((one) => (one.status === 'rejected' ? one.reason : one.value))).toEqual([
      2,
      4,
      expect.any(Overloaded),
    ]);
  });
});

test('who waits longer than the limit is told so', async () => {
  await expect(within(1, new Promise(() => {}))).rejects.toThrow(Overloaded);
  expect(await within(60_000, Promise.resolve(7))).toBe(7);
});
