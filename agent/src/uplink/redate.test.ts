import { EVENT, type EventClaims, uuid7TimeMs } from '@picket/protocol';
import { decodeJwt } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SILENT_LOG } from '../report/log.ts';
import { createClock } from './clock.ts';
import { Pusher } from './push.ts';
import { shifted } from './redate.ts';
import type { Speaker } from './seal.ts';
import { Sender } from './sender.ts';
import { FakeDisk } from './spool/fake-disk.ts';
import { Spool } from './spool/spool.ts';
import { type Bench, eventually, makeBench, sighting } from './testing.ts';

const HOUR = 3_600_000;

let bench: Bench;
let speaker: Speaker;
let disk: FakeDisk;
let spool: Spool;
let pusher: Pusher;
let rejected: string[];
let hostMs: () => number;

beforeEach(async () => {
  bench = await makeBench();
  hostMs = Date.now;
  rejected = [];
  disk = new FakeDisk();
  await run();
  // As the collector does: the date of the batch is what is looked at.
  bench.fake.on('POST /v1/events', ({ claims }) =>
    Math.abs(uuid7TimeMs(String(claims.jti)) - Date.now()) < HOUR
      ? { status: 202 }
      : { status: 400, body: JSON.stringify({ err: 'invalid_request', description: 'dated wrong' }) },
  );
});

afterEach(async () => {
  pusher.stop();
  await bench.tidy();
});

/** Begins a run of the agent, that knows nothing of the time yet. */
async function run(clockWaitMs = 0): Promise<void> {
  const clock = createClock(() => hostMs());
  speaker = { identity: bench.identity, enrolment: bench.enrolment, clock };
  spool = await Spool.open({ disk, log: SILENT_LOG });
  const reject = async ({ jti }: { jti: string }) => void rejected.push(jti);
  const ports = { http: bench.http, speaker, spool, reject, log: SILENT_LOG };
  pusher = new Pusher({ ...ports, retryMs: () => 20, clockWaitMs });
}

const learn = () => speaker.clock.learn(Date.now() / 1000);

/** A trip that the host saw just now, by its own clock. */
async function see(): Promise<void> {
  const atMs = hostMs();
  const sender = new Sender({ speaker, spool, pusher, log: SILENT_LOG });
  sender.send({ sightings: [sighting({ firstAtMs: atMs, lastAtMs: atMs, trip: { atMs } })] }, true);
  await sender.flush();
}

const pushes = () => bench.fake.seenOn('/v1/events');

/** How far the last batch's times are from now, hours. */
function hoursOff(): number[] {
  const claims = decodeJwt<EventClaims>(pushes().at(-1)?.body ?? '');
  const [seen] = claims.events[EVENT.sightings]?.sightings ?? [];
  const times = [
    seen?.firstAtMs,
    seen?.lastAtMs,
    seen?.trip?.atMs,
    uuid7TimeMs(claims.jti),
    claims.iat * 1000,
  ];
  return times.map((atMs) => Math.abs(Math.round(((atMs ?? 0) - Date.now()) / HOUR)));
}

const whenTaken = async () => {
  await eventually(() => spool.stats().batches).toBe(0);
  expect([rejected, hoursOff()]).toEqual([[], [0, 0, 0, 0, 0]]);
};

describe('a host with a wrong clock', () => {
  it('tells times of the collector once it knows its clock', async () => {
    hostMs = () => Date.now() - 5 * HOUR;
    learn();
    await see();
    await whenTaken();
  });

  it('waits for the time a moment, and sets right what was sealed before', async () => {
    hostMs = () => Date.now() - 5 * HOUR;
    await run(15_000);
    await see();
    expect(pushes()).toEqual([]);
    learn();
    pusher.wake();
    await whenTaken();
    expect(pushes().length).toBe(1);
  });

  it('tells its news all the same where the time cannot be had', async () => {
    await run(50);
    await see();
    await whenTaken();
  });

  it('seals again what was refused as of 1970, when the collector tells the time', async () => {
    const startMs = Date.now();
    hostMs = () => Date.now() - startMs;
    await see();
    await eventually(() => pushes().length).toBeGreaterThan(2);
    expect([rejected, spool.stats().batches]).toEqual([[], 1]);
    learn();
    await whenTaken();
  });

  it('seals it again too when the clock of the host was set right meanwhile', async () => {
    const startMs = Date.now();
    hostMs = () => Date.now() - startMs;
    await see();
    hostMs = Date.now;
    learn();
    await whenTaken();
  });

  it('seals again what an earlier run left behind with the same wrong clock', async () => {
    const startMs = Date.now();
    hostMs = () => Date.now() - startMs;
    await see();
    await eventually(() => pushes().length).toBeGreaterThan(0);
    pusher.stop();
    await spool.close();
    await run();
    learn();
    pusher.wake();
    await whenTaken();
  });

  it('keeps batches of 1970 that wait when old ones are given up', async () => {
    const startMs = Date.now();
    hostMs = () => Date.now() - startMs;
    await bench.fake.stop();
    await see();
    spool.expire(Date.now() - HOUR);
    expect(spool.stats()).toMatchObject({ batches: 1, lost: 0 });
    await bench.fake.listen();
    learn();
    await whenTaken();
  });
});

describe('times that are moved', () => {
  it('are those of sightings, their blocks and unblocks, and stay on the wire', () => {
    const block = { atMs: 5, untilMs: 9, tier: 'held', engine: 'kernel', backend: 'log-only' } as const;
    const seen = sighting({
      ...{ firstAtMs: 1, lastAtMs: 4, trip: { atMs: 3 } },
      block: { ...block, enforced: false, droppedPackets: 0 },
    });
    const unblocks = [{ source: '198.51.100.7', atMs: 20, reason: 'over' }];
    const events = { [EVENT.sightings]: { sightings: [seen] }, [EVENT.unblock]: { unblocks } };
    const moved = shifted({ events, hasTrip: true }, -2).events;
    expect(moved[EVENT.sightings]?.sightings).toMatchObject([
      { firstAtMs: 0, lastAtMs: 2, trip: { atMs: 1 }, block: { atMs: 3, untilMs: 7 } },
    ]);
    expect(moved[EVENT.unblock]?.unblocks[0]?.atMs).toBe(18);
  });
});
