import { expect, test } from 'vitest';
import { readerOf } from './kernel-orphan.ts';

/** As Linux 6.18 prints it. */
const TABLE = `    5    812     0 2 65531    100  1
 4715  23844     0 2 65531    100  1
`;

test('the reader of a group is found by the group alone', () => {
  expect(readerOf(4715, TABLE)).toBe(23844);
  expect(readerOf(5, TABLE)).toBe(812);
  expect(readerOf(812, TABLE)).toBeUndefined();
  expect(readerOf(5, '')).toBeUndefined();
});
