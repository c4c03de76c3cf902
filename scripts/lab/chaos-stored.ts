import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeSegment } from '@picket/agent/uplink/spool/record';
import { connect, type Sql } from '@picket/db';
import { EVENT } from '@picket/protocol';
import { type Agent, hostName } from './agent.ts';
import type { BatchRow, BlockRow, Row, Stored } from './chaos-model.ts';

/** Where the node's name begins in that of its host; positions count from 1. */
const NAME_AT = hostName('').length + 1;

/** Reads with SQL, not through any collector, what is in the database. */
export async function readStored(url: string): Promise<Stored> {
  const sql = connect(url, { max: 1 });
  try {
    const [network] = await sql<{ version: number }[]>`select list_version as version from network`;
    const batches = await readBatches(sql);
    return {
      rows: await readRows(sql, batches),
      batches: batches.map(({ told, ...batch }) => ({ ...batch, sightings: told.map(({ id }) => id) })),
      blocks: await readBlocks(sql),
      listVersion: network?.version ?? 0,
    };
  } finally {
    await sql.end();
  }
}

async function readBlocks(sql: Sql): Promise<BlockRow[]> {
  return sql<BlockRow[]>`
    select source, removed_at is null and until_at > now() as "isRunning", version from block`;
}

/** Sources that the whole network refuses now. */
export async function readShared(url: string): Promise<Set<string>> {
  const sql = connect(url, { max: 1 });
  try {
    return new Set((await readBlocks(sql)).filter(({ isRunning }) => isRunning).map(({ source }) => source));
  } finally {
    await sql.end();
  }
}

type SightingRow = {
  host: string;
  source: string;
  id: string;
  trippedAt: Date | null;
  ports: Ports;
};

type Ports = { tcp?: [number, number][] };

/** A batch with what it tells. */
type Told = Omit<BatchRow, 'sightings'> & { told: { id: string; ports: Ports }[] };

async function readRows(sql: Sql, batches: readonly Told[]): Promise<Row[]> {
  const rows = await sql<SightingRow[]>`
    select substr(h.name, ${NAME_AT}::int) as host, s.source, s.id, s.tripped_at as "trippedAt", s.ports
    from sighting s join host h on h.network_id = s.network_id and h.id = s.host_id`;
  return rows.map(({ trippedAt, ports, ...row }) => ({
    ...row,
    trippedAtMs: trippedAt?.getTime(),
    ports: portsOf(ports),
    toldPorts: batches.flatMap(({ host, told }) =>
      told.flatMap((each) => (host === row.host && each.id === row.id ? portsOf(each.ports) : [])),
    ),
  }));
}

function portsOf({ tcp = [] }: Ports): number[] {
  return tcp.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, n) => from + n));
}

async function readBatches(sql: Sql): Promise<Told[]> {
  const rows = await sql<{ host: string; jti: string; token: string }[]>`
    select substr(h.name, ${NAME_AT}::int) as host, b.jti, b.token
    from received_batch b join host h on h.network_id = b.network_id and h.id = b.host_id`;
  return rows.map(({ token, ...row }) => ({ ...row, told: sightingsIn(token) }));
}

/** The sightings in a signed batch. */
function sightingsIn(token: string): Told['told'] {
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
  return claims.events[EVENT.sightings]?.sightings ?? [];
}

/** Batches in the spool of an agent that nobody has taken yet, read from its files. */
export async function readWaiting({ state }: Agent): Promise<string[]> {
  const folder = join(state, 'spool');
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.seg'));
  const files = await Promise.all(
    names.map((name) => readFile(join(folder, name)).catch(() => Buffer.alloc(0))),
  );
  const records = files.flatMap((bytes) => decodeSegment(bytes).found.map(({ record }) => record));
  const taken = new Set(records.flatMap((record) => (record.kind === 'ack' ? [record.jti] : [])));
  const batches = records.flatMap((record) => (record.kind === 'batch' ? [record.batch.jti] : []));
  return [...new Set(batches)].filter((jti) => !taken.has(jti));
}

/** Batches that an agent gave up. */
export async function readRejected({ state }: Agent): Promise<string[]> {
  return readdir(join(state, 'rejected')).catch(() => []);
}
