import { foreign } from '../../digest/foreign.ts';

/** Longest cell of a table, characters; `--json` has the whole. */
const MAX_CELL = 80;

/** A column: its heading and what it shows of a row. */
export type Column<Row> = readonly [heading: string, cell: (row: Row) => string | number | null];

/** Rows as a table for people. Cells may hold what hosts said of themselves: made harmless and cut. */
export function formatTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const cells = rows.map((row) =>
    columns.map(([, cell]) => foreign(String(cell(row) ?? '-') || '-', MAX_CELL)),
  );
  const lines = [columns.map(([heading]) => heading), ...cells];
  const widths = columns.map((_, at) => Math.max(...lines.map((line) => (line[at] ?? '').length)));
  return lines.map((line) => formatLine(line, widths)).join('\n');
}

function formatLine(line: readonly string[], widths: readonly number[]): string {
  return line
    .map((cell, at) => cell.padEnd(widths[at] ?? 0))
    .join('  ')
    .trimEnd();
}

/** A time to the second in UTC: `2026-11-23 17:05:09Z`; the sign for none when it never was. */
export function formatTime(date: Date | null): string {
  return date === null ? '-' : `${date.toISOString().slice(0, 19).replace('T', ' ')}Z`;
}

/** Rows as JSON for programs or as a table for people. */
export function formatRows<Row>(
  rows: readonly Row[],
  { json, empty }: { json: boolean | undefined; empty: string },
  columns: readonly Column<Row>[],
): string {
  if (json === true) return JSON.stringify(rows, null, 2);
  return rows.length === 0 ? empty : formatTable(rows, columns);
}
