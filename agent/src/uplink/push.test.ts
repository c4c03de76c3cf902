import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EVENT, eventClaimsSchema } from '@picket/protocol';
import { compactVerify, decodeProtectedHeader, importJWK } from 'jose';
import { v7 as uuid7 } from 'uuid';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SILENT_LOG } from '../report/log.ts';
import { createClock } from './clock.ts';
import type { Answer, Seen } from './fake-collector.ts';
import { Pusher } from './push.ts';
import { rejectedFolder } from './rejected.ts';
import { type Speaker, seal } from './seal.ts';
import { FakeDisk } from './spool/fake-disk.ts';
import { Spool } from './spool/spool.ts';
import { type Bench, eventually, makeBench, sighting } from './testing.ts';

let bench: Bench;
let spool: Spool;
let pusher: Pusher;
let speaker: Speaker;

beforeEach(async () => {
  bench = await makeBench();
  speaker = { identity: bench.identity, enrolment: bench.enrolment, clock: createClock() };
  spool = await Spool.open({ disk: new FakeDisk(), log: SILENT_LOG });
  const reject = rejectedFolder(join(bench.stateDir, 'rejected'), SILENT_LOG);
  pusher = new Pusher({
    http: bench.http,
    speaker,
    spool,
    reject,
    log: SILENT_LOG,
    retryMs: () => 20,
    limitMs: 500,
    clockWaitMs: 0,
  });
});

afterEach(async () => {
  pusher.stop();
  await bench.tidy();
});

async function spoolBatch(count = 1, hasTrip = false): Promise<string> {
  const sightings = Array.from({ length: count }, () => sighting(hasTrip ? { trip: { atMs: 1 } } : {}));
  const batch = await seal({ events: { [EVENT.sightings]: { sightings } }, hasTrip }, speaker);
  await spool.append(batch);
  return batch.jti;
}

const pushes = (): Seen[] => bench.fake.seenOn('/v1/events');
const pushedNames = (): unknown[] => pushes().map((seen) => seen.claims.jti);
const whenEmpty = () => eventually(() => spool.stats().batches).toBe(0);

/** Answers the first pushes in turn, all later ones with 202. */
function answerFirst(...answers: Answer[]): void {
  bench.fake.on('POST /v1/events', () => answers.shift() ?? { status: 202 });
}

const refusal = (err: string, status = 400): Answer => ({
  status,
  body: JSON.stringify({ err, description: 'because' }),
});

async function rejectedNames(): Promise<string[]> {
  return readdir(join(bench.stateDir, 'rejected')).catch(() => []);
}

describe('a push', () => {
  it('carries a signed Security Event Token, and the batch leaves the spool at 202', async () => {
    const jti = await spoolBatch(30, true);
    pusher.wake();
    await whenEmpty();
    const [push] = pushes();
    expect(push?.headers).toMatchObject({
      'content-type': 'application/secevent+jwt',
      accept: 'application/json',
      'content-encoding': 'gzip',
    });
    expect(decodeProtectedHeader(push?.body ?? '')).toEqual({
      alg: 'Ed25519',
      typ: 'secevent+jwt',
      kid: bench.identity.thumbprint,
    });
    await compactVerify(push?.body ?? '', await importJWK(bench.identity.publicJwk, 'Ed25519'));
    expect(eventClaimsSchema.parse(push?.claims)).toMatchObject({ jti, net: bench.fake.networkId });
  });

  it('sends a small body as it is', async () => {
    await spoolBatch();
    pusher.wake();
    await whenEmpty();
    expect(pushes()[0]?.headers['content-encoding']).toBeUndefined();
  });

  it.each<[string, Answer]>([
    ['503', { status: 503 }],
    ['500', { status: 500 }],
    ['429 with Retry-After', { status: 429, headers: { 'retry-after': '0' } }],
    ['a cut connection', (request) => request.socket.destroy()],
    [
      'an answer that breaks off',
      (request, response) => {
        response.writeHead(202, { 'content-length': 9 }).write('cut');
        request.socket.destroySoon();
      },
    ],
    ['a server that hangs', () => {}],
    ['a captive portal', { status: 200, body: '<html>' }],
    ['a redirect', { status: 302, headers: { location: 'http://192.0.2.1/' } }],
    ['a lost host', refusal('access_denied')],
    ['a key that has ended', refusal('invalid_key')],
    ['an older wire version', { status: 426 }],
  ])('keeps the batch and tries again after %s', async (_, answer) => {
    answerFirst(answer);
    const jti = await spoolBatch();
    pusher.wake();
    await whenEmpty();
    expect(pushedNames()).toEqual([jti, jti]);
    expect(await rejectedNames()).toEqual([]);
  });

  it('works when it was started with the collector down', async () => {
    await bench.fake.stop();
    await spoolBatch();
    pusher.wake();
    await eventually(() => pusher.stats.why).toBe('connection refused');
    await bench.fake.listen();
    await whenEmpty();
    expect(pusher.stats).toMatchObject({ accepted: 1, why: undefined });
  });

  it('waits as long as Retry-After asks, whoever wakes it', async () => {
    answerFirst({ status: 503, headers: { 'retry-after': '1' } });
    const startMs = performance.now();
    await spoolBatch(1, true);
    pusher.wake();
    await eventually(() => pusher.stats.why).toBeDefined();
    pusher.wake();
    await whenEmpty();
    expect(performance.now() - startMs).toBeGreaterThan(900);
  });

  it('sends newest trips first, then the oldest of the others', async () => {
    answerFirst({ status: 503, headers: { 'retry-after': '1' } });
    await spoolBatch();
    pusher.wake();
    await eventually(() => pusher.stats.why).toBeDefined();
    const order: unknown[] = [];
    bench.fake.on('POST /v1/events', (seen) => {
      order.push(seen.claims.jti);
      return { status: 202 };
    });
    const [first] = pushedNames();
    const [other, old, young] = [await spoolBatch(), await spoolBatch(1, true), await spoolBatch(1, true)];
    await whenEmpty();
    expect(order[0]).toBe(young);
    expect(new Set(order)).toEqual(new Set([old, young, other, first]));
  });

  it.each(['invalid_request', 'invalid_issuer', 'invalid_audience', 'authentication_failed'])(
    'puts a batch aside that is refused with %s, and goes on with the next',
    async (err) => {
      const bad = await spoolBatch();
      bench.fake.on('POST /v1/events', (seen) => (seen.claims.jti === bad ? refusal(err) : { status: 202 }));
      await spoolBatch();
      pusher.wake();
      await whenEmpty();
      expect(pusher.stats).toMatchObject({ accepted: 1, rejected: 1 });
      expect(await rejectedNames()).toEqual([`${bad}.json`]);
      const kept = JSON.parse(await readFile(join(bench.stateDir, 'rejected', `${bad}.json`), 'utf8'));
      expect(kept).toMatchObject({ jti: bad, why: `${err}: because` });
    },
  );

  it('puts a batch aside that keeps failing while others pass', async () => {
    const bad = await spoolBatch();
    bench.fake.on('POST /v1/events', (seen) =>
      seen.claims.jti === bad ? { status: 400, body: 'what?' } : { status: 202 },
    );
    pusher.wake();
    await eventually(() => pushes().length).toBeGreaterThan(5);
    expect(await rejectedNames(), 'nothing else passed: the fault may be a proxy').toEqual([]);
    await spoolBatch();
    pusher.wake();
    await whenEmpty();
    expect(await rejectedNames()).toEqual([`${bad}.json`]);
  });

  it('lets others pass a batch at which the collector fails, and puts it aside when it keeps failing', async () => {
    const others = [await spoolBatch(1, true), await spoolBatch(1, true), await spoolBatch(1, true)];
    const bad = await spoolBatch(1, true);
    bench.fake.on('POST /v1/events', (seen) => ({ status: seen.claims.jti === bad ? 500 : 202 }));
    pusher.wake();
    await eventually(() => pusher.stats.accepted).toBe(others.length);
    for (let tries = 1; tries <= 4; tries++) {
      const failed = () => pushedNames().filter((jti) => jti === bad).length;
      await eventually(() => failed() >= tries || spool.stats().batches === 0).toBe(true);
      await spoolBatch();
      pusher.wake();
      await eventually(() => pusher.stats.accepted).toBe(others.length + tries);
    }
    await whenEmpty();
    expect(await rejectedNames()).toEqual([`${bad}.json`]);
  });

  it('puts nothing aside while the collector fails at everything, nor for the first failure after that', async () => {
    bench.fake.on('POST /v1/events', () => ({ status: 500 }));
    const [old, young] = [await spoolBatch(1, true), await spoolBatch(1, true)];
    pusher.wake();
    await eventually(() => pushedNames().filter((jti) => jti === young).length).toBeGreaterThan(4);
    expect(pusher.stats.why).toBe('HTTP 500');
    let failures = 1;
    bench.fake.on('POST /v1/events', ({ claims }) => ({
      status: claims.jti === young && pusher.stats.accepted > 0 && failures-- > 0 ? 500 : 202,
    }));
    pusher.wake();
    await whenEmpty();
    expect(pushedNames()).toContain(old);
    expect(await rejectedNames()).toEqual([]);
    expect(pusher.stats).toMatchObject({ accepted: 2, rejected: 0, why: undefined });
  });

  it('puts batches aside that were sealed as another host, when that host is unknown', async () => {
    const stranger = { ...speaker, enrolment: { ...bench.enrolment, hostId: uuid7() } };
    const foreign = await seal(
      { events: { [EVENT.sightings]: { sightings: [] } }, hasTrip: false },
      stranger,
    );
    await spool.append(foreign);
    bench.fake.on('POST /v1/events', (seen) =>
      seen.claims.jti === foreign.jti ? refusal('access_denied') : { status: 202 },
    );
    await spoolBatch();
    pusher.wake();
    await whenEmpty();
    expect(await rejectedNames()).toEqual([`${foreign.jti}.json`]);
  });

  it('halves a batch until it is small enough, and loses nothing', async () => {
    bench.fake.on('POST /v1/events', (seen) => {
      const { sightings } = eventClaimsSchema.parse(seen.claims).events[EVENT.sightings] ?? { sightings: [] };
      return sightings.length > 3 ? { status: 413 } : { status: 202 };
    });
    await spoolBatch(10);
    pusher.wake();
    await whenEmpty();
    const taken = pushes()
      .map((seen) => eventClaimsSchema.parse(seen.claims).events[EVENT.sightings]?.sightings ?? [])
      .filter((each) => each.length <= 3);
    expect(new Set(taken.flat().map((each) => each.id)).size).toBe(10);
  });

  it('puts a single sighting aside that is too large', async () => {
    answerFirst({ status: 413 });
    const jti = await spoolBatch();
    pusher.wake();
    await whenEmpty();
    expect(await rejectedNames()).toEqual([`${jti}.json`]);
  });

  it('has a bounded number of batches under way', async () => {
    let [now, most] = [0, 0];
    bench.fake.on('POST /v1/events', () => (_, response) => {
      most = Math.max(most, ++now);
      setTimeout(() => {
        now -= 1;
        response.writeHead(202).end();
      }, 5);
    });
    for (let i = 0; i < 20; i++) await spoolBatch();
    pusher.wake();
    await whenEmpty();
    expect(most).toBe(4);
    expect(new Set(pushedNames()).size).toBe(20);
  });
});
