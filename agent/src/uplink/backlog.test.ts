import { EVENT } from '@picket/protocol';
import { v7 as uuid7 } from 'uuid';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLog, SILENT_LOG } from '../report/log.ts';
import { createClock } from './clock.ts';
import { Pusher } from './push.ts';
import { rejectedFolder } from './rejected.ts';
import { type Speaker, seal } from './seal.ts';
import { FakeDisk } from './spool/fake-disk.ts';
import { Spool } from './spool/spool.ts';
import { type Bench, eventually, makeBench, sighting } from './testing.ts';

let bench: Bench;
let spool: Spool;
let pusher: Pusher | undefined;
let speaker: Speaker;

beforeEach(async () => {
  bench = await makeBench();
  speaker = { identity: bench.identity, enrolment: bench.enrolment, clock: createClock() };
  spool = await Spool.open({ disk: new FakeDisk(), log: SILENT_LOG });
});

afterEach(async () => {
  pusher?.stop();
  await bench.tidy();
});

const DAY_MS = 86_400_000;

async function keep(hasTrip: boolean, ageMs: number): Promise<string> {
  const content = { events: { [EVENT.sightings]: { sightings: [sighting()] } }, hasTrip };
  const batch = await seal(content, speaker, Date.now() - ageMs);
  await spool.append(batch);
  return batch.jti;
}

function push(backlogPerSecond: number): void {
  pusher = new Pusher({
    ...{ http: bench.http, speaker, spool, log: SILENT_LOG, backlogPerSecond },
    ...{ reject: rejectedFolder(bench.stateDir, SILENT_LOG), retryMs: () => 20, clockWaitMs: 0 },
  });
  pusher.wake();
}

const names = (): unknown[] => bench.fake.seenOn('/v1/events').map(({ claims }) => claims.jti);

describe('a backlog of days', () => {
  it('is pushed newest trips first, and neither the oldest nor the newest of the others starve', async () => {
    const old = await keep(false, 3 * DAY_MS);
    const trips: string[] = [];
    for (let i = 40; i > 0; i--) trips.push(await keep(true, DAY_MS + i * 1000));
    const young = await keep(false, DAY_MS);
    push(1_000);
    await eventually(() => names().length).toBe(42);
    const order = names();
    expect(order.indexOf(trips.at(-1))).toBeLessThan(4);
    // Eight turns and four under way at once: both are among the first.
    expect(order.indexOf(young)).toBeLessThan(12);
    expect(order.indexOf(old)).toBeLessThan(16);
    expect(order.indexOf(trips[0])).toBeGreaterThan(35);
  });

  it('is pushed at a bounded rate, which fresh news and the heartbeat do not wait for', async () => {
    for (let i = 0; i < 30; i++) await keep(true, DAY_MS + i * 1000);
    const startMs = performance.now();
    push(5);
    await eventually(() => names().length).toBeGreaterThanOrEqual(5);
    const [fresh, calm] = [await keep(true, 0), await keep(false, 0)];
    pusher?.wake();
    await eventually(() => [fresh, calm].every((jti) => names().includes(jti))).toBe(true);
    expect(await pusher?.pushOnce((await seal({ events: {}, hasTrip: false }, speaker)).jws)).toBe(true);
    const seconds = (performance.now() - startMs) / 1000;
    // The bucket, what came into it since, and the three that are not of the backlog.
    expect(names().length).toBeLessThanOrEqual(5 + 5 * seconds + 3);
    expect(spool.stats().batches).toBeGreaterThan(0);
  });
});

describe('what a spool gives up', () => {
  it('is told in the log at once, and counted over a restart', async () => {
    const lines: string[] = [];
    const log = createLog({ level: 'info', json: false, write: (line) => lines.push(line) });
    const disk = new FakeDisk();
    const small = await Spool.open({ disk, log, maxBytes: 4_000 });
    for (let i = 0; i < 20; i++)
      await small.append({ jti: uuid7(), jws: 'x'.repeat(300), hasTrip: i % 2 === 0 });
    const { lost } = small.stats();
    expect(lost).toBeGreaterThan(0);
    await small.close();
    expect(lines[0]).toContain('events were given up that the collector did not take in time');
    const again = await Spool.open({ disk, log, maxBytes: 4_000 });
    expect(again.stats().lost).toBe(lost);
    again.giveUp(again.next(() => true)?.jti ?? '');
    await again.close();
    expect((await Spool.open({ disk, log, maxBytes: 4_000 })).stats().lost).toBe(lost + 1);
  });
});
