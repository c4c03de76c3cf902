import { expect, it } from 'vitest';
import { oneByOne } from './one-by-one.ts';

it('runs one after the other in their order, whatever became of the one before', async () => {
  const [inTurn, said] = [oneByOne(), [] as string[]];
  const piece = (name: string, fails = false) =>
    inTurn(async () => {
      said.push(`${name} begins`);
      await new Promise((resolve) => setImmediate(resolve));
      said.push(`${name} ends`);
      if (fails) throw new Error(name);
      return name;
    });
  const ends = await Promise.allSettled([piece('a', true), piece('b')]);
  expect(ends).toMatchObject([{ status: 'rejected' }, { status: 'fulfilled', value: 'b' }]);
  expect(said).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
});
