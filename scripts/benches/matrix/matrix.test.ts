import { expect, it } from 'vitest';
import { CASES } from './cases.ts';
import { summary } from './summary.ts';

const row = (who: string, metric: string, value: number | boolean) => ({
  case: 'syn-v4',
  who,
  metric,
  unit: 'x',
  value,
});

it('tells what passed before a block, what was only seen, and what was missed', () => {
  const rows = [
    ...[row('a', 'detected', true), row('a', 'blocked', true)],
    ...[row('a', 'passedUnused', 3), row('a', 'blockMs', 1.234)],
    ...[row('b', 'detected', true), row('b', 'blocked', false), row('b', 'passedUnused', 9)],
    ...[row('c', 'detected', false), row('c', 'blocked', false)],
    ...[row('none', 'detected', false), row('none', 'arrived', 1000)],
  ];
  expect(summary(rows)).toBe(
    '| case | a | b | c | none |\n| --- | --- | --- | --- | --- |\n| syn-v4 | 3 / 1.23 | seen | no | 1000 |',
  );
});

it('has each technique over both families, under names of their own', () => {
  const names = CASES.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const way of ['connect', 'syn', 'maimon', 'udp', 'sctp-init', 'ip-protocol', 'fragments', 'slow'])
    expect(names).toEqual(expect.arrayContaining([`${way}-v4`, `${way}-v6`]));
});
