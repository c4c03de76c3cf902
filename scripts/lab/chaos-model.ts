/** A probe that was on the wire, whoever noticed it. */
export type Sent = { host: string; source: string; port: number; atMs: number };

/** A time in which the agent of a host did not run, or was not ready yet. It begins when its killer took hold of it. */
export type Gap = { host: string; fromMs: number; toMs: number };

/** A sighting as the database has it. */
export type Row = {
  host: string;
  source: string;
  id: string;
  trippedAtMs: number | undefined;
  ports: readonly number[];
  /** Ports that any of the batches in the database tells of it. */
  toldPorts: readonly number[];
};

/** A signed batch as the database has it, and the sightings that it tells. */
export type BatchRow = { host: string; jti: string; sightings: readonly string[] };

/** A shared block as the database has it. */
export type BlockRow = { source: string; isRunning: boolean; version: number };

/** All that the collector has. */
export type Stored = {
  rows: readonly Row[];
  batches: readonly BatchRow[];
  blocks: readonly BlockRow[];
  listVersion: number;
};

/** All that happened, as the wire and the one who killed know it. */
export type Ledger = { sent: readonly Sent[]; gaps: readonly Gap[] };

/** Distinct contacts at which a source trips (`policy/policy.ts`). */
export const THRESHOLD = 4;

/**
 * By how much a trip's time may differ from that of its packet, ms. What the kernel decided while no agent ran has only an
 * end, in whole seconds, from which the agent tells its begin; nft and the agent round one second each.
 */
const TRIP_SLACK_MS = 3_000;

/**
 * Time from a probe until it is in the spool, ms: what did not trip is told every 2 s and waits up to 1 s for company; the
 * rest is what a busy machine adds.
 */
const SPOOLED_MS = 6_000;

/** What a source did to a host. */
type Asked = { host: string; source: string; ports: Set<number>; firstMs: number; lastMs: number };

const nameOf = ({ host, source }: { host: string; source: string }): string => `${source} on ${host}`;

/** Probes of each source at each host; a port counts once, and the time of the last new one is that of a trip. */
function asked(sent: readonly Sent[]): Map<string, Asked> {
  const all = new Map<string, Asked>();
  for (const { host, source, port, atMs } of [...sent].sort((a, b) => a.atMs - b.atMs)) {
    const name = nameOf({ host, source });
    const known = all.get(name) ?? { host, source, ports: new Set<number>(), firstMs: atMs, lastMs: atMs };
    if (known.ports.size < THRESHOLD && !known.ports.has(port)) known.lastMs = atMs;
    known.ports.add(port);
    all.set(name, known);
  }
  return all;
}

function grouped<T extends { host: string; source: string }>(rows: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) groups.set(nameOf(row), [...(groups.get(nameOf(row)) ?? []), row]);
  return groups;
}

/**
 * What differs between what was done and what the database says.
 *
 * Counting is the kernel's, which goes on whether or not an agent lives: whoever tripped must be there exactly once,
 * whatever was killed, with the time of its trip. Two things may be missing, and only where an agent was not there to read
 * them, or died before they were in its spool: the ports of a trip, since the kernel keeps only who is held; and all of a
 * source that stayed below the threshold, since the kernel keeps counts of contacts and tells nobody of them afterwards.
 * What a batch did tell is there, whatever came before or after it.
 */
export function reconcile({ sent, gaps }: Ledger, stored: Stored): string[] {
  const known = asked(sent);
  const rows = grouped(stored.rows);
  const wasBlind = ({ host, firstMs, lastMs }: Asked) =>
    gaps.some((gap) => gap.host === host && gap.fromMs <= lastMs + SPOOLED_MS && gap.toMs >= firstMs);
  const found = [...known].flatMap(([name, one]) =>
    (one.ports.size < THRESHOLD ? wrongKnock : wrongTrip)(one, rows.get(name) ?? [], wasBlind(one)),
  );
  const invented = stored.rows.filter((row) => !known.has(nameOf(row)));
  return [
    ...found,
    ...invented.map((row) => `${nameOf(row)} is in the database and sent nothing`),
    ...wrongBatches(stored),
    ...wrongBlocks(known, stored),
  ];
}

function wrongTrip(one: Asked, rows: readonly Row[], wasBlind: boolean): string[] {
  const name = nameOf(one);
  const trips = rows.filter(({ trippedAtMs }) => trippedAtMs !== undefined);
  if (trips.length === 0) return [`${name} tripped and is ${rows.length > 0 ? 'told without that' : 'lost'}`];
  if (rows.length > 1) return [`${name} tripped once and has ${rows.length} sightings: ${told(rows)}`];
  const lateMs = (trips[0]?.trippedAtMs ?? 0) - one.lastMs;
  const found =
    Math.abs(lateMs) > TRIP_SLACK_MS ? [`${name} is told to have tripped ${lateMs} ms later`] : [];
  return [...found, ...wrongPorts(one, trips, wasBlind)];
}

const told = (rows: readonly Row[]): string =>
  rows
    .map(({ id, trippedAtMs, ports }) => `${id} (trip ${trippedAtMs ?? 'none'}, ports ${ports})`)
    .join(', ');

function wrongKnock(one: Asked, rows: readonly Row[], wasBlind: boolean): string[] {
  const name = nameOf(one);
  if (rows.some(({ trippedAtMs }) => trippedAtMs !== undefined))
    return [`${name} never tripped and is told to have`];
  if (rows.length > 1) return [`${name} came once and has ${rows.length} sightings`];
  if (rows.length === 0) return wasBlind ? [] : [`${name} knocked while an agent ran, and is lost`];
  return wrongPorts(one, rows, wasBlind);
}

function wrongPorts(one: Asked, rows: readonly Row[], mayMiss: boolean): string[] {
  const ports = new Set(rows.flatMap((row) => row.ports));
  const invented = [...ports].filter((port) => !one.ports.has(port));
  const missing = [...one.ports].filter((port) => !ports.has(port));
  const told = new Set(rows.flatMap((row) => row.toldPorts));
  const undone = missing.filter((port) => told.has(port));
  return [
    ...undone.map((port) => `${nameOf(one)} asked for port ${port}, which was told and is gone`),
    ...invented.map((port) => `${nameOf(one)} never asked for port ${port}, and is told to have`),
    ...(mayMiss ? [] : missing.map((port) => `${nameOf(one)} asked for port ${port}, which is not told`)),
  ];
}

/** A batch and what it tells are one transaction: neither is there without the other. */
function wrongBatches({ rows, batches }: Stored): string[] {
  const told = new Set(batches.flatMap(({ host, sightings }) => sightings.map((id) => `${host} ${id}`)));
  const kept = new Set(rows.map(({ host, id }) => `${host} ${id}`));
  const seen = new Set<string>();
  const repeated = batches
    .map(({ host, jti }) => `${host} ${jti}`)
    .filter((name) => seen.size === seen.add(name).size);
  return [
    ...repeated.map((name) => `batch ${name} is there twice`),
    ...[...told].filter((id) => !kept.has(id)).map((id) => `sighting ${id} is in a batch and has no row`),
    ...[...kept].filter((id) => !told.has(id)).map((id) => `sighting ${id} has a row and is in no batch`),
  ];
}

/** Whoever tripped somewhere is blocked everywhere, once, and nobody else is. */
function wrongBlocks(known: ReadonlyMap<string, Asked>, { blocks, listVersion }: Stored): string[] {
  const tripped = new Set(
    [...known.values()].filter(({ ports }) => ports.size >= THRESHOLD).map(({ source }) => source),
  );
  const running = blocks.filter(({ isRunning }) => isRunning).map(({ source }) => source);
  const held = new Set(running);
  const ahead = blocks.filter(({ version }) => version > listVersion);
  return [
    ...[...tripped]
      .filter((source) => !held.has(source))
      .map((source) => `${source} tripped and has no shared block`),
    ...[...held]
      .filter((source) => !tripped.has(source))
      .map((source) => `${source} never tripped and is blocked`),
    ...(held.size < running.length ? ['a source has several shared blocks'] : []),
    ...ahead.map(({ source }) => `the block of ${source} is of a version that the list never had`),
  ];
}
