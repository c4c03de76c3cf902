import { groupBy, type Row } from '../result.ts';
import { figure } from '../table.ts';

/**
 * The matrix as one Markdown table. A cell is `PACKETS / MS`: packets to unused ports that passed before the block, and
 * the time from the first probe to the block; `seen` where it was detected and not blocked, `no` where it was not
 * detected, and for nobody the packets that arrived.
 */
export function summary(rows: readonly Row[]): string {
  const whos = [...new Set(rows.map(({ who }) => who))];
  const lines = [...groupBy(rows, (row) => row.case)].map(([name, own]) => {
    const cells = whos.map((who) => cell(own.filter((row) => row.who === who)));
    return [name, ...cells];
  });
  return [['case', ...whos], ['', ...whos].map(() => '---'), ...lines]
    .map((line) => `| ${line.join(' | ')} |`)
    .join('\n');
}

function cell(rows: readonly Row[]): string {
  const value = (metric: string) => rows.find((row) => row.metric === metric)?.value;
  const number = (metric: string) => {
    const found = value(metric);
    return typeof found === 'number' ? figure(found) : '?';
  };
  if (rows.length === 0) return '-';
  if (rows[0]?.who === 'none') return number('arrived');
  const word = value('detected') ? '' : '(not told) ';
  if (value('blocked')) return `${word}${number('passedUnused')} / ${number('blockMs')}`;
  return value('detected') ? 'seen' : 'no';
}
