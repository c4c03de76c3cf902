import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mustExec } from '../../lab/run.ts';
import type { Row } from '../result.ts';
import { type Case, CONNECTIONS } from './cases.ts';
import { MEASURED_CORE, onCore } from './cores.ts';
import { type Measured, rowsOf } from './figures.ts';
import type { Site } from './site.ts';
import { countRows, measureSize, openTables } from './tables.ts';
import { copyScripts, type TableText } from './transactions.ts';

const COPY_MS = 600_000;

/**
 * The limit: COPY of the rows that the collector wrote, into the same tables with their keys and indexes, by psql on the
 * collector's core. `psql-copy` commits as often as the collector got batches, on as many connections; `psql-copy-whole`
 * commits once.
 */
export async function measureCopies(
  site: Site,
  databaseUrl: string,
  { name, size }: Case,
  { accepted }: Pick<Measured, 'accepted'>,
): Promise<Row[]> {
  const tables = await dumpTables(site, databaseUrl);
  const rows: Row[] = [];
  for (const [who, transactions, writers] of [
    ['psql-copy', accepted, Math.min(CONNECTIONS, accepted)],
    ['psql-copy-whole', 1, 1],
  ] as const) {
    const scripts = copyScripts(tables, { transactions, writers });
    const { tookMs, grownBytes } = await copyAll(site, databaseUrl, tables, scripts);
    const measured = { accepted: transactions, size: (accepted * size) / transactions, tookMs, grownBytes };
    const found = rowsOf(name, who, { ...measured, errors: 0, p50: undefined, p99: undefined });
    rows.push(
      ...found.filter(
        ({ metric }) => metric !== 'errors' && (transactions > 1 || metric !== 'batchesPerSecond'),
      ),
    );
  }
  return rows;
}

async function dumpTables(site: Site, databaseUrl: string): Promise<TableText[]> {
  const sql = openTables(databaseUrl);
  const counts = await countRows(sql);
  await sql.end();
  const tables: TableText[] = [];
  for (const table of counts.keys()) {
    const file = join(site.folder, `${table}.copy`);
    await psql(databaseUrl, ['-o', file, '-c', `copy (select * from "${table}") to stdout`]);
    // Bytes as they are: what is text there goes back untouched.
    const lines = (await readFile(file, 'latin1')).split('\n').filter(Boolean);
    tables.push({ table, lines });
  }
  return tables;
}

async function copyAll(
  site: Site,
  databaseUrl: string,
  tables: readonly TableText[],
  scripts: readonly (readonly string[])[],
): Promise<{ tookMs: number; grownBytes: number }> {
  const sql = openTables(databaseUrl);
  try {
    await sql.unsafe(`truncate ${tables.map(({ table }) => `"${table}"`).join(', ')}`);
    const before = await measureSize(sql);
    const files = await Promise.all(
      scripts.map((script, n) => keep(join(site.folder, `copy-${n}.sql`), script)),
    );
    const startMs = performance.now();
    await Promise.all(files.map((file) => psql(databaseUrl, ['-f', file])));
    const tookMs = performance.now() - startMs;
    const counts = await countRows(sql);
    for (const { table, lines } of tables)
      if (counts.get(table) !== lines.length)
        throw new Error(`COPY left ${counts.get(table)} rows in ${table}`);
    return { tookMs, grownBytes: (await measureSize(sql)) - before };
  } finally {
    await sql.end();
  }
}

async function keep(file: string, parts: readonly string[]): Promise<string> {
  await writeFile(file, parts, 'latin1');
  return file;
}

async function psql(databaseUrl: string, more: readonly string[]): Promise<void> {
  const argv = ['psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', databaseUrl, ...more];
  await mustExec(onCore(MEASURED_CORE, argv), { timeoutMs: COPY_MS });
}
