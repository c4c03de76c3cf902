/** The lines of one table, as COPY writes and reads them. */
export type TableText = { table: string; lines: readonly string[] };

/**
 * Scripts for psql that copy rows into their tables again, one script for each who writes, in parts: a whole one may be
 * longer than a string can be.
 *
 * @param transactions how many; each holds its share of every table
 */
export function copyScripts(
  tables: readonly TableText[],
  { transactions, writers }: { transactions: number; writers: number },
): string[][] {
  const scripts = Array.from({ length: writers }, () => [`${SESSION}\n`]);
  for (let n = 0; n < transactions; n++) {
    const parts = tables.flatMap(({ table, lines }) => {
      const own = lines.slice(...shareOf(lines.length, n, transactions));
      return own.length === 0 ? [] : [`copy "${table}" from stdin;\n${own.join('\n')}\n\\.\n`];
    });
    scripts[n % writers]?.push('begin;\n', ...parts, 'commit;\n');
  }
  return scripts;
}

/** Foreign keys are not checked: rows of a batch may stand in the same order or not. It makes COPY faster, not slower. */
const SESSION = 'set session_replication_role = replica;';

/** Begin and end of the n-th of equal shares. */
function shareOf(length: number, n: number, shares: number): [number, number] {
  return [Math.floor((length * n) / shares), Math.floor((length * (n + 1)) / shares)];
}
