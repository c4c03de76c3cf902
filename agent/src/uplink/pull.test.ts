import type { ServerResponse } from 'node:http';
import {
  type BlockEntry,
  collectorUrn,
  hostUrn,
  listDigest,
  networkUrn,
  requestClaimsSchema,
} from '@picket/protocol';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { v7 as uuid7 } from 'uuid';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLog, SILENT_LOG } from '../report/log.ts';
import { type Clock, createClock } from './clock.ts';
import { type Answer, FakeCollector, type Seen } from './fake-collector.ts';
import type { ListState } from './list-state.ts';
import { Puller, type PullerOptions } from './pull.ts';
import { type Bench, eventually, makeBench } from './testing.ts';

let bench: Bench;
let clock: Clock;
let puller: Puller;
let lists: ListState[];
let lines: string[];

const block = (source: string): BlockEntry => [source, Date.now() + 3_600_000, 'held', 'scan'];
const ONE = [block('198.51.100.1')];
const TWO = [...ONE, block('198.51.100.2')];

beforeEach(async () => {
  bench = await makeBench();
  clock = createClock();
  lists = [];
  lines = [];
});

afterEach(async () => {
  await bench.http.close();
  await puller.stop();
  await bench.tidy();
});

function start(options: Partial<PullerOptions> = {}): void {
  const log = createLog({ level: 'info', json: false, write: (line) => lines.push(line) });
  puller = new Puller({
    http: bench.http,
    speaker: { identity: bench.identity, enrolment: bench.enrolment, clock },
    log,
    onList: (state) => lists.push(state),
    onContact: () => {},
    retryMs: () => 10,
    waitSeconds: 1,
    graceMs: 300,
    ...options,
  });
  puller.start();
}

const polls = (): Seen[] => bench.fake.seenOn('/v1/blocklist');
const sources = (): string[][] => lists.map((state) => [...state.entries.keys()]);

/** Answers polls in turn; then holds them. */
function answer(...answers: (() => Answer | Promise<Answer>)[]): void {
  bench.fake.on('GET /v1/blocklist', () => answers.shift()?.() ?? (() => {}));
}

async function signed(entries: BlockEntry[], changes = {}): Promise<Answer> {
  return { status: 200, body: await bench.fake.list(entries, changes) };
}

describe('a pull', () => {
  it('names who asks, and is bound to the request', async () => {
    answer(() => signed(ONE, { version: 4 }));
    start();
    await eventually(() => polls().length).toBe(2);
    const [first, second] = polls();
    expect(Object.fromEntries(first?.query ?? [])).toEqual({ since: '0' });
    expect(Object.fromEntries(second?.query ?? [])).toEqual({ since: '4', epoch: 'one' });
    expect(first?.headers.prefer, 'the first answer tells the time').toBe('wait=0');
    expect(second?.headers.prefer).toBe('wait=1');
    const token = first?.headers.authorization?.replace('Bearer ', '') ?? '';
    expect(decodeProtectedHeader(token)).toEqual({
      alg: 'Ed25519',
      typ: 'picket-request+jwt',
      kid: bench.identity.thumbprint,
    });
    expect(requestClaimsSchema.parse(decodeJwt(token))).toMatchObject({
      iss: hostUrn(bench.fake.hostId),
      net: bench.fake.networkId,
      aud: collectorUrn(bench.fake.collectorId),
      htm: 'GET',
      htu: `${bench.fake.url}/v1/blocklist`,
    });
  });

  it('takes the whole list, then changes as they come', async () => {
    answer(
      () => signed(ONE),
      () => signed([], { full: false, since: 1, version: 2, add: TWO.slice(1), digest: listDigest(TWO) }),
      () =>
        signed([], {
          full: false,
          since: 2,
          version: 3,
          remove: ['198.51.100.1'],
          digest: listDigest(TWO.slice(1)),
        }),
    );
    start();
    await eventually(sources).toEqual([['198.51.100.1'], ['198.51.100.1', '198.51.100.2'], ['198.51.100.2']]);
  });

  it('asks for the whole list once when the digest shows that its own has drifted', async () => {
    answer(
      () => signed(ONE),
      () => signed([], { full: false, since: 1, version: 2, digest: listDigest(TWO) }),
      () => signed(TWO, { version: 2 }),
    );
    start();
    await eventually(sources).toEqual([['198.51.100.1'], ['198.51.100.1', '198.51.100.2']]);
    expect(Object.fromEntries(polls()[2]?.query ?? [])).toEqual({ since: '0' });
  });

  it('keeps its list and says so when the whole one does not fit its digest either', async () => {
    const wrong = () => signed(TWO, { version: 2, digest: 'f'.repeat(16) });
    answer(() => signed(ONE), wrong, wrong, wrong);
    start();
    await eventually(() => puller.why).toMatch(/even the whole list/);
    expect(sources()).toEqual([['198.51.100.1']]);
  });

  it.each<[string, () => Promise<Answer>]>([
    ['an older list', () => signed(TWO, { version: 0 })],
    ['another network', () => signed(TWO, { version: 9, aud: networkUrn(uuid7()) })],
    ['another collector', () => signed(TWO, { version: 9, iss: collectorUrn(uuid7()) })],
    ['an expired list', () => signed(TWO, { version: 9, exp: Math.floor(Date.now() / 1000) - 5 })],
    [
      'another type of token',
      async () => ({ status: 200, body: await bench.fake.sign('picket-enrolled+jwt', {}) }),
    ],
    ['a cut list', async () => ({ status: 200, body: (await bench.fake.list(TWO)).slice(0, -30) })],
    [
      'a malformed entry',
      () => signed(TWO, { version: 9, add: [['198.51.100.07', 1, 'held', '']] as BlockEntry[] }),
    ],
    ['a page of a portal', async () => ({ status: 200, body: '<html>' })],
    ['an error', async () => ({ status: 500 })],
    ['a refusal', async () => ({ status: 403, body: '{"err":"access_denied","description":"withdrawn"}' })],
  ])('keeps its list after %s, says so, and goes on', async (_, bad) => {
    answer(
      () => signed(ONE),
      bad,
      () => signed([], { full: false, since: 1, version: 2, digest: listDigest(ONE) }),
    );
    start();
    await eventually(() => lists.length).toBe(2);
    expect(sources()).toEqual([['198.51.100.1'], ['198.51.100.1']]);
    expect(lines.some((line) => line.includes('warn'))).toBe(true);
    expect(puller.why).toBeUndefined();
  });

  it('does not believe another signer', async () => {
    const forger = await FakeCollector.start();
    const claims = { iss: collectorUrn(bench.fake.collectorId), aud: networkUrn(bench.fake.networkId) };
    answer(async () => ({ status: 200, body: await forger.list(TWO, claims) }));
    start();
    await eventually(() => puller.why).toMatch(/signature/);
    expect(lists).toEqual([]);
    await forger.stop();
  });

  it('takes a new history of a restored collector, and never the old one again', async () => {
    const nowSeconds = Math.floor(Date.now() / 1000);
    answer(
      () => signed(TWO, { version: 7 }),
      () => signed(ONE, { epoch: 'two', version: 1, iat: nowSeconds }),
      () => signed(TWO, { epoch: 'one', version: 8, iat: nowSeconds - 100 }),
    );
    start();
    await eventually(() => puller.why).toMatch(/another history/);
    expect(sources()).toEqual([['198.51.100.1', '198.51.100.2'], ['198.51.100.1']]);
  });

  it('gives up on a server that hangs, and asks again', async () => {
    answer(
      () => () => {},
      () => (_: unknown, response: ServerResponse) => void response.writeHead(200).write('ey'),
      () => signed(ONE),
    );
    start({ waitSeconds: 0 });
    await eventually(sources).toEqual([['198.51.100.1']]);
  });

  it('works when it was started with the collector down', async () => {
    await bench.fake.stop();
    answer(() => signed(ONE));
    start();
    await eventually(() => puller.why).toBe('connection refused');
    await bench.fake.listen();
    await eventually(sources).toEqual([['198.51.100.1']]);
  });

  it('asks a server without long polling when that says, or more and more seldom', async () => {
    const held = { full: false, since: 1, digest: listDigest(ONE) };
    const quick = () => signed([], held);
    const later = async () => ({ ...(await quick()), headers: { 'retry-after': '1' } }) as Answer;
    answer(() => signed(ONE), quick, quick, later, quick);
    const waits: number[] = [];
    const retryMs = (count: number): number => waits.push(count);
    start({ retryMs });
    await eventually(() => polls().length).toBeGreaterThanOrEqual(4);
    expect(waits).toEqual([1, 2]);
    expect(polls()).toHaveLength(4);
    await eventually(() => polls().length).toBeGreaterThan(4);
  });

  it('learns the time from what is signed, and asks with it', async () => {
    const hostMs = 1_000_000;
    clock = createClock(() => hostMs);
    bench.fake.on('GET /v1/blocklist', async (seen) => {
      const token = decodeJwt(seen.headers.authorization?.replace('Bearer ', '') ?? '');
      if (Math.abs((token.iat ?? 0) * 1000 - Date.now()) > 60_000) return { status: 401 };
      return polls().length > 3 ? () => {} : signed(ONE);
    });
    start();
    await eventually(sources).toContainEqual(['198.51.100.1']);
    expect(Math.abs(clock.nowMs() - Date.now())).toBeLessThan(5000);
  });
});

it('ends at once when it is stopped while it waits', async () => {
  bench.fake.on('GET /v1/blocklist', () => ({ status: 503, headers: { 'retry-after': '300' } }));
  start({ log: SILENT_LOG });
  await eventually(() => puller.why).toBeDefined();
  await puller.stop();
});
