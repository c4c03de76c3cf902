import { mkdtemp, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { mustExec } from '../../lab/run.ts';
import type { Context } from '../bench.ts';
import { peerFiles } from '../peers/packages.ts';
import type { Row } from '../result.ts';
import { alertOf } from './alert.ts';
import type { Case } from './cases.ts';
import { figuresOf, rowsOf } from './figures.ts';
import { type Lapi, type Store, startLapi, USER_AGENT } from './lapi.ts';
import { type Prepared, sendAll } from './load.ts';
import { spread } from './plan.ts';
import type { Site } from './site.ts';
import { countRows, measureSize, openTables } from './tables.ts';

/** One way to run it. */
type Way = { name: string; store: Store['type']; connections: number };

/** CrowdSec's local API on each of its stores; on SQLite with one sender too, since many make it refuse. */
export const CROWDSECS: readonly Way[] = [
  { name: 'crowdsec-sqlite', store: 'sqlite', connections: 16 },
  { name: 'crowdsec-sqlite-1', store: 'sqlite', connections: 1 },
  { name: 'crowdsec-postgres', store: 'postgresql', connections: 16 },
];

/** Alerts a second that are prepared: several times what was ever stored. */
const MOST_PER_SECOND = 2_000;

/** Its agent has no limit of its own for an answer; a run must end, ms. */
const LIMIT_MS = 60_000;

/** Sends alerts for a while, as many in one request as the case has in a batch. */
export async function measureCrowdsec(
  context: Context,
  site: Site,
  way: Way,
  { theCase, seconds }: { theCase: Case; seconds: number },
): Promise<Row[]> {
  const files = await peerFiles(['crowdsec'], '1.4.6');
  if (!files.ok) {
    context.remark(`${way.name}: ${files.reason}`);
    return [];
  }
  context.deviates(
    'crowdsec: db_config.flush is left out',
    'it deletes alerts beyond 5,000 each minute, which then cannot be counted',
  );
  const databaseUrl = await site.makeDatabase();
  const store: Store = way.store === 'sqlite' ? { type: 'sqlite' } : { type: 'postgresql', url: databaseUrl };
  const lapi = await startLapi(files.root, await mkdtemp(join(site.folder, 'crowdsec-')), store);
  try {
    const look = way.store === 'sqlite' ? () => lookSqlite(lapi) : () => lookPostgres(databaseUrl);
    const requests = requestsOf(lapi, theCase.size, Math.ceil((MOST_PER_SECOND * seconds) / theCase.size));
    const before = await look();
    const load = await sendAll(requests, {
      ...{ origin: lapi.origin, connections: way.connections, lastsMs: seconds * 1_000, limitMs: LIMIT_MS },
    });
    const after = await look();
    const stored = after.alerts - before.alerts;
    return rowsOf(theCase.name, way.name, {
      ...figuresOf(load, 201),
      ...{ accepted: stored / theCase.size, size: theCase.size, tookMs: load.tookMs },
      grownBytes: after.sizeBytes - before.sizeBytes,
    });
  } finally {
    await lapi.stop();
    await site.dropDatabase(databaseUrl);
  }
}

function requestsOf({ token }: Lapi, size: number, count: number): Prepared[] {
  const atMs = Date.now();
  const headers = {
    'content-type': 'application/json',
    'user-agent': USER_AGENT,
    authorization: `Bearer ${token}`,
  };
  return Array.from({ length: count }, (_, n) => {
    const alerts = Array.from({ length: size }, (_, i) => alertOf(spread(n * size + i, 20), 'host-1', atMs));
    return { path: '/v1/alerts', headers, body: Buffer.from(JSON.stringify(alerts)) };
  });
}

type Look = { alerts: number; sizeBytes: number };

async function lookSqlite({ sqliteFile }: Lapi): Promise<Look> {
  // Requests that were given up may still be writing.
  const argv = ['sqlite3', '-readonly', '-cmd', `.timeout ${LIMIT_MS}`, sqliteFile];
  const alerts = Number(
    await mustExec([...argv, 'select count(*) from alerts'], { timeoutMs: 2 * LIMIT_MS }),
  );
  const sizes = await Promise.all(
    ['', '-wal', '-journal'].map((end) =>
      stat(sqliteFile + end).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return { alerts, sizeBytes: sizes.reduce((sum, each) => sum + each, 0) };
}

async function lookPostgres(databaseUrl: string): Promise<Look> {
  const sql = openTables(databaseUrl);
  const alerts = (await countRows(sql)).get('alerts') ?? 0;
  const sizeBytes = await measureSize(sql);
  await sql.end();
  return { alerts, sizeBytes };
}
