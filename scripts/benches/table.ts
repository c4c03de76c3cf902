import { groupBy, type Row } from './result.ts';

/**
 * Rows as text: for each metric a table of cases and of who was measured. A number of somebody else carries its ratio to
 * the reference's figure of the same case.
 *
 * @param references who the others are compared with; the first that has a figure in the case
 */
export function tables(rows: readonly Row[], references: readonly string[]): string {
  const byMetric = groupBy(rows, ({ metric, unit }) => (unit === 'bool' ? metric : `${metric} (${unit})`));
  return [...byMetric].map(([title, own]) => `${title}\n${table(own, references)}`).join('\n\n');
}

function table(rows: readonly Row[], references: readonly string[]): string {
  const whos = unique(rows.map(({ who }) => who));
  const lines = unique(rows.map((row) => row.case)).map((name) => {
    const own = rows.filter((row) => row.case === name);
    const reference = references.find((who) => own.some((row) => row.who === who));
    const base = own.find((row) => row.who === reference)?.value;
    return [
      name,
      ...whos.map((who) =>
        cell(
          own.find((row) => row.who === who),
          reference,
          base,
        ),
      ),
    ];
  });
  return align([['', ...whos], ...lines]);
}

function cell(row: Row | undefined, reference: string | undefined, base: Row['value'] | undefined): string {
  if (row === undefined) return '-';
  const { value } = row;
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  const isOther = row.who !== reference && typeof base === 'number' && base !== 0;
  return isOther ? `${figure(value)} (×${figure(value / base)})` : figure(value);
}

/** Three digits that count, and whole numbers whole. */
export function figure(value: number): string {
  if (Number.isInteger(value)) return `${value}`;
  return Math.abs(value) >= 100 ? `${Math.round(value)}` : `${Number(value.toPrecision(3))}`;
}

function align(lines: readonly (readonly string[])[]): string {
  const width = (column: number) => Math.max(...lines.map((line) => line[column]?.length ?? 0));
  return lines
    .map((line) =>
      line.map((text, i) => (i === 0 ? text.padEnd(width(i)) : text.padStart(width(i)))).join('  '),
    )
    .map((line) => `  ${line}`.trimEnd())
    .join('\n');
}

const unique = (texts: readonly string[]): string[] => [...new Set(texts)];
