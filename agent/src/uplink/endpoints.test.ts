import { EVENT } from '@picket/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SILENT_LOG } from '../report/log.ts';
import { createClock } from './clock.ts';
import { createEndpoints, type Endpoints } from './endpoints.ts';
import { FakeCollector } from './fake-collector.ts';
import { Puller } from './pull.ts';
import { Pusher } from './push.ts';
import { rejectedFolder } from './rejected.ts';
import { type Speaker, seal } from './seal.ts';
import { FakeDisk } from './spool/fake-disk.ts';
import { Spool } from './spool/spool.ts';
import { type Bench, eventually, makeBench, sighting } from './testing.ts';

let bench: Bench;
let other: FakeCollector;
let endpoints: Endpoints;
let speaker: Speaker;
let spool: Spool;
let pusher: Pusher;

beforeEach(async () => {
  bench = await makeBench();
  other = await FakeCollector.start();
  speaker = { identity: bench.identity, enrolment: bench.enrolment, clock: createClock() };
  spool = await Spool.open({ disk: new FakeDisk(), log: SILENT_LOG });
  endpoints = createEndpoints({
    ...{ urls: [bench.fake.url, other.url], http: bench.http, log: SILENT_LOG, failBackMs: 50 },
    thumbprint: bench.fake.thumbprint,
  });
  pusher = new Pusher({
    ...{ http: bench.http, speaker, spool, log: SILENT_LOG, endpoints },
    ...{ reject: rejectedFolder(bench.stateDir, SILENT_LOG), retryMs: () => 20, clockWaitMs: 0 },
  });
});

afterEach(async () => {
  pusher.stop();
  endpoints.stop();
  await other.stop();
  await bench.tidy();
});

async function push(): Promise<string> {
  const content = { events: { [EVENT.sightings]: { sightings: [sighting()] } }, hasTrip: false };
  const batch = await seal(content, speaker);
  await spool.append(batch);
  pusher.wake();
  return batch.jti;
}

const taken = (fake: FakeCollector): unknown[] => fake.seenOn('/v1/events').map(({ claims }) => claims.jti);

describe('a collector with several URLs', () => {
  it('is called on the next when one fails, and on the first again once that shows the pinned key', async () => {
    await bench.fake.stop();
    const first = await push();
    await eventually(() => taken(other)).toEqual([first]);
    expect(endpoints.current()).toBe(other.url);
    await bench.fake.listen();
    await eventually(() => endpoints.current()).toBe(bench.fake.url);
    const second = await push();
    await eventually(() => taken(bench.fake)).toEqual([second]);
  });

  it('is not called again on a URL where another answers', async () => {
    bench.fake.on('POST /v1/events', () => ({ status: 502 }));
    bench.fake.on('GET /.well-known/jwks.json', () => ({ status: 200, body: '{"keys":[]}' }));
    await push();
    await eventually(() => taken(other).length).toBe(1);
    await eventually(() => bench.fake.seenOn('/.well-known/jwks.json').length).toBeGreaterThan(3);
    expect(endpoints.current()).toBe(other.url);
  });

  it('is not called again on a URL where it is not ready', async () => {
    let isReady = false;
    bench.fake.on('POST /v1/events', () => ({ status: isReady ? 202 : 503 }));
    bench.fake.on('GET /readyz', () => ({ status: isReady ? 200 : 503 }));
    await push();
    await eventually(() => taken(other).length).toBe(1);
    await eventually(() => bench.fake.seenOn('/readyz').length).toBeGreaterThan(3);
    expect(endpoints.current()).toBe(other.url);
    isReady = true;
    await eventually(() => endpoints.current()).toBe(bench.fake.url);
  });

  const busy = () => ({ status: 503, headers: { 'retry-after': '600' } });

  it('gets batches on the next at once, however long the first asks to wait', async () => {
    for (const route of ['POST /v1/events', 'GET /readyz']) bench.fake.on(route, busy);
    const batches = [await push(), await push(), await push()];
    await eventually(() => new Set(taken(other))).toEqual(new Set(batches));
  });

  it('is asked for its list on the next at once, however long the first asks to wait', async () => {
    for (const route of ['GET /v1/blocklist', 'GET /readyz']) bench.fake.on(route, busy);
    other.on('GET /v1/blocklist', () => () => {});
    const puller = new Puller({
      ...{ http: bench.http, speaker, log: SILENT_LOG, endpoints, retryMs: () => 20 },
      ...{ onList: () => {}, onContact: () => {} },
    });
    puller.start();
    await eventually(() => other.seenOn('/v1/blocklist').length).toBe(1);
    await bench.http.close();
    await puller.stop();
  });

  it('is asked for its list on the next URL when one gives a list that is not believed', async () => {
    // The second server has another key: its list is refused, the first one's is taken.
    const list = (fake: FakeCollector) => async () => ({ status: 200, body: await fake.list([]) });
    bench.fake.on('GET /v1/blocklist', list(bench.fake));
    other.on('GET /v1/blocklist', list(other));
    const reversed = createEndpoints({
      ...{ urls: [other.url, bench.fake.url], http: bench.http, log: SILENT_LOG },
      thumbprint: bench.fake.thumbprint,
    });
    const lists: number[] = [];
    const onList = ({ version }: { version: number }) => void lists.push(version);
    const puller = new Puller({
      ...{ http: bench.http, speaker, log: SILENT_LOG, endpoints: reversed, onList },
      ...{ onContact: () => {}, retryMs: () => 20, waitSeconds: 0 },
    });
    puller.start();
    await eventually(() => lists[0]).toBe(1);
    expect(other.seenOn('/v1/blocklist')).toHaveLength(1);
    await puller.stop();
    reversed.stop();
  });

  it('goes round, and a report of a URL that is no longer in use changes nothing', () => {
    endpoints.failed(bench.fake.url);
    endpoints.failed(bench.fake.url);
    expect(endpoints.current()).toBe(other.url);
    endpoints.failed(other.url);
    expect(endpoints.current()).toBe(bench.fake.url);
  });
});
