import { expect, it } from 'vitest';
import { figure, tables } from './table.ts';

const row = (who: string, value: number | boolean, metric = 'blockMs', unit = 'ms') => ({
  case: 'syn-v4',
  who,
  metric,
  unit,
  value,
});

it('compares each number with the reference of its case', () => {
  expect(tables([row('picket', 2), row('portsentry', 9)], ['picket'])).toBe(
    'blockMs (ms)\n          picket  portsentry\n  syn-v4       2    9 (×4.5)',
  );
});

it('takes the next reference when the first has no figure, and says - for what was not measured', () => {
  const rows = [row('b', 2), row('c', 1), { ...row('a', 5), case: 'fin-v4' }];
  expect(tables(rows, ['a', 'b']).split('\n').slice(2)).toEqual([
    '  syn-v4  2  1 (×0.5)  -',
    '  fin-v4  -         -  5',
  ]);
});

it('answers yes or no, and divides nothing by nothing', () => {
  const rows = [
    row('a', true, 'detected', 'bool'),
    row('b', false, 'detected', 'bool'),
    row('a', 0),
    row('b', 7),
  ];
  const text = tables(rows, ['a']);
  expect(text).toContain('detected\n            a   b\n  syn-v4  yes  no');
  expect(text).toMatch(/syn-v4\s+0\s+7$/);
});

it('keeps three digits that count', () => {
  expect([0.012345, 1.5, 12.345, 123.45, 7, 1234567].map(figure)).toEqual([
    '0.0123',
    '1.5',
    '12.3',
    '123',
    '7',
    '1234567',
  ]);
});
