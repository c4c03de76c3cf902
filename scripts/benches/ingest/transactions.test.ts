import fc from 'fast-check';
import { expect, it, test } from 'vitest';
import { copyScripts } from './transactions.ts';

const linesOf = (script: string) => script.split('\n').filter((line) => /^\d+$/.test(line));

test('every row is copied once, in as many transactions as asked for', () => {
  const counts = fc.record({
    rows: fc.nat(200),
    transactions: fc.integer({ min: 1, max: 40 }),
    writers: fc.integer({ min: 1, max: 5 }),
  });
  fc.assert(
    fc.property(counts, ({ rows, transactions, writers }) => {
      const lines = Array.from({ length: rows }, (_, i) => `${i}`);
      const scripts = copyScripts([{ table: 'a', lines }], { transactions, writers }).map((parts) =>
        parts.join(''),
      );
      expect(scripts).toHaveLength(writers);
      expect(scripts.flatMap(linesOf).sort()).toEqual(lines.toSorted());
      expect(scripts.join('').split('begin;').length - 1).toBe(transactions);
    }),
  );
});

it('copies the tables of one transaction together', () => {
  const tables = [
    { table: 'a', lines: ['1', '2'] },
    { table: 'b', lines: ['3', '4'] },
  ];
  const [parts = []] = copyScripts(tables, { transactions: 2, writers: 1 });
  expect(parts.join('').split('commit;')[0]).toContain(
    'copy "a" from stdin;\n1\n\\.\ncopy "b" from stdin;\n3\n\\.',
  );
});
