import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type BlockEntry,
  EVENT,
  type EventClaims,
  eventClaimsSchema,
  NO_FACTS,
  type Sighting,
} from '@picket/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { policySchema } from '../policy/policy.ts';
import { createLog, SILENT_LOG } from '../report/log.ts';
import type { DesiredList } from './applier.ts';
import { UplinkError } from './errors.ts';
import { type Bench, eventually, makeBench, sighting } from './testing.ts';
import { startUplink, type Uplink, type UplinkOptions } from './uplink.ts';

let bench: Bench;
let applied: DesiredList[];
let running: Uplink[];

beforeEach(async () => {
  bench = await makeBench();
  bench.fake.on('GET /v1/blocklist', () => () => {});
  applied = [];
  running = [];
});

afterEach(async () => {
  await Promise.all(running.map((uplink) => uplink.stop()));
  await bench.tidy();
});

const HOST_STATUS = {
  ...{ agentVersion: '0.1.0', engine: 'kernel', firewall: 'nftables', startedAtMs: 1 },
  ...{ addresses: ['192.0.2.10'], localBlocks: 2, probesLost: 0 },
};

const SETTINGS = policySchema.parse({}).uplink;

async function start(options: Partial<UplinkOptions> = {}): Promise<Uplink> {
  const { stateDir, identity, enrolment } = bench;
  const uplink = await startUplink({
    ...{ stateDir, identity, enrolment, settings: SETTINGS, log: SILENT_LOG },
    neverBlockFacts: () => ({ ...NO_FACTS, gateways: ['192.0.2.254'] }),
    applyBlockList: async (list) => void applied.push(list),
    status: () => HOST_STATUS,
    ...options,
  });
  running.push(uplink);
  return uplink;
}

const events = (): EventClaims['events'][] =>
  bench.fake.seenOn('/v1/events').map((seen) => eventClaimsSchema.parse(seen.claims).events);
const toldSightings = (): Sighting[] => events().flatMap((each) => each[EVENT.sightings]?.sightings ?? []);
const toldStatuses = () => events().flatMap((each) => each[EVENT.status] ?? []);

const trip = (): Sighting => sighting({ trip: { atMs: 1 } });
const block = (source: string): BlockEntry => [source, Date.now() + 3_600_000, 'held', 'scan'];

async function list(entries: BlockEntry[], changes = {}) {
  return { status: 200, body: await bench.fake.list(entries, changes) };
}

describe('an uplink', () => {
  it('tells a trip at once and the rest soon, each once', async () => {
    const uplink = await start();
    // Until the collector's time is known, or waited for, batches of any age may go side by side.
    const first = trip();
    uplink.send({ sightings: [first] }, { urgent: true });
    await eventually(toldSightings).toEqual([first]);
    const [calm, urgent] = [sighting(), trip()];
    uplink.send({ sightings: [calm] }, { urgent: false });
    uplink.send({ sightings: [urgent] }, { urgent: true });
    await eventually(toldSightings).toEqual([first, urgent, calm]);
    const unblock = { source: '198.51.100.7', atMs: 5, reason: 'its time is over' };
    uplink.send({ unblocks: [unblock] }, { urgent: true });
    await eventually(() => events().flatMap((each) => each[EVENT.unblock]?.unblocks ?? [])).toEqual([
      unblock,
    ]);
  });

  it('sends a storm of trips in few batches', async () => {
    const uplink = await start();
    const all = Array.from({ length: 200 }, trip);
    for (const each of all) {
      uplink.send({ sightings: [each] }, { urgent: true });
      await Promise.resolve();
    }
    await eventually(() => toldSightings().length).toBe(200);
    expect(bench.fake.seenOn('/v1/events').length).toBeLessThan(10);
  });

  it('loses nothing while the collector is away and the agent restarts', async () => {
    await bench.fake.stop();
    const first = await start();
    const all = Array.from({ length: 5 }, trip);
    for (const each of all) first.send({ sightings: [each] }, { urgent: true });
    await first.flush();
    expect(first.status().spool?.batches).toBeGreaterThan(0);
    await first.stop();
    await bench.fake.listen();
    const second = await start();
    await eventually(() => new Set(toldSightings().map((each) => each.id))).toEqual(
      new Set(all.map((e) => e.id)),
    );
    await eventually(() => second.status().spool?.batches).toBe(0);
  });

  it('puts the list in force without what it never blocks, and tells so', async () => {
    const entries = [block('198.51.100.1'), block('192.0.2.254')];
    let polls = 0;
    bench.fake.on('GET /v1/blocklist', () => (polls++ === 0 ? list(entries, { version: 3 }) : () => {}));
    const uplink = await start();
    await eventually(() => applied.map((each) => [...each.entries.keys()])).toEqual([['198.51.100.1']]);
    const inForce = { version: 3, entries: 1, refused: { gateway: 1 } };
    await eventually(() => toldStatuses().at(-1)).toMatchObject({
      ...HOST_STATUS,
      blockList: inForce,
    });
    expect(uplink.status()).toMatchObject({ blockList: inForce, pushFault: undefined, pullFault: undefined });
  });

  it('tells in its status of sightings that it gave up before they were in a batch', async () => {
    let polls = 0;
    bench.fake.on('GET /v1/blocklist', () => (polls++ === 0 ? list([], { version: 3 }) : () => {}));
    const uplink = await start();
    uplink.send({ sightings: Array.from({ length: 10_002 }, () => sighting()) }, { urgent: true });
    expect(uplink.status().sightingsLost).toBe(2);
    await eventually(() => toldStatuses().at(-1)?.spoolLost).toBe(2);
  });

  it('has the saved list in force when it starts with the collector away', async () => {
    let polls = 0;
    bench.fake.on('GET /v1/blocklist', () =>
      polls++ === 0 ? list([block('198.51.100.1')], { version: 3, allow: ['203.0.113.1'] }) : () => {},
    );
    const first = await start();
    await eventually(() => applied.length).toBe(1);
    await first.stop();
    await bench.fake.stop();
    await start();
    expect(applied[1]).toMatchObject({ version: 3, allow: ['203.0.113.1'], removed: [] });
    expect([...(applied[1]?.entries.keys() ?? [])]).toEqual(['198.51.100.1']);
    await bench.fake.listen();
    await eventually(() =>
      Object.fromEntries(bench.fake.seenOn('/v1/blocklist').at(-1)?.query ?? []),
    ).toEqual({
      since: '3',
      epoch: 'one',
    });
  });

  it('starts without a list when the saved one is damaged or of another network', async () => {
    const path = join(bench.stateDir, 'block-list.json');
    await writeFile(path, '{"networkId":');
    const uplink = await start();
    expect([applied, uplink.status().blockList.version]).toEqual([[], 0]);
    expect(await readFile(path, 'utf8')).toBe('{"networkId":');
  });

  it('keeps nothing and says so once when the host was not enrolled', async () => {
    const lines: string[] = [];
    const log = createLog({ level: 'info', json: false, write: (line) => lines.push(line) });
    const uplink = await start({ enrolment: undefined, log });
    uplink.send({ sightings: [trip()] }, { urgent: true });
    await uplink.flush();
    expect(lines).toEqual([expect.stringContaining('runs alone')]);
    expect(await readdir(bench.stateDir)).not.toContain('spool');
    expect(uplink.status().isEnrolled).toBe(false);
  });

  it('runs alone with another key than the enrolled one, and refuses plain HTTP elsewhere', async () => {
    const strange = { ...bench.enrolment, hostKey: 'x'.repeat(43) };
    expect((await start({ enrolment: strange })).status().isEnrolled).toBe(false);
    const enrolment = { ...bench.enrolment, url: 'http://192.0.2.1:8440' };
    await expect(start({ enrolment })).rejects.toMatchObject({ code: 'ERR_PLAIN_HTTP' });
  });

  it('waits for a file of authorities that is not there, says so, and goes on once it is', async () => {
    let isThere = false;
    const lines: string[] = [];
    const log = createLog({ level: 'error', json: false, write: (line) => lines.push(line) });
    const connect = async () => {
      if (!isThere) throw new UplinkError('ERR_CA_FILE', '/x.pem (uplink.ca_file): it cannot be read');
      return {};
    };
    const uplink = await start({ connect, log });
    uplink.send({ sightings: [trip()] }, { urgent: true });
    await eventually(() => uplink.status().pullFault).toContain('uplink.ca_file');
    expect(lines).toEqual([expect.stringContaining('detection and blocking go on')]);
    isThere = true;
    await eventually(() => toldSightings().length).toBe(1);
  });

  it('stops in time while the collector hangs', async () => {
    bench.fake.on('POST /v1/events', () => () => {});
    const uplink = await start();
    uplink.send({ sightings: [trip()] }, { urgent: true });
    const startMs = performance.now();
    await uplink.stop();
    expect(performance.now() - startMs).toBeLessThan(15_000);
    bench.fake.on('POST /v1/events', () => ({ status: 202 }));
    await start();
    await eventually(() => toldSightings().length).toBeGreaterThanOrEqual(2);
  });
});
