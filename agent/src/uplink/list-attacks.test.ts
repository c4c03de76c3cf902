import {
  BLOCK_LIST_TYP,
  type BlockEntry,
  collectorUrn,
  EVENT,
  type EventClaims,
  NO_FACTS,
  networkUrn,
  type StatusEvent,
} from '@picket/protocol';
import { v7 as uuid7 } from 'uuid';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { policySchema } from '../policy/policy.ts';
import { createLog } from '../report/log.ts';
import { listLimits } from './accept.ts';
import type { DesiredList } from './applier.ts';
import { FakeCollector } from './fake-collector.ts';
import { type Bench, eventually, makeBench } from './testing.ts';
import { startUplink, type Uplink } from './uplink.ts';

/* What somebody can send who sits between a host and its collector, or who has the collector's key. */

const GOOD: BlockEntry = ['198.51.100.1', Date.now() + 3_600_000, 'held', 'scan'];
const EVIL: BlockEntry = ['203.0.113.66', Date.now() + 3_600_000, 'dropped', 'forged'];
const POLICY = policySchema.parse({});

let bench: Bench;
let stranger: FakeCollector;
let uplink: Uplink;
let applied: DesiredList[];
let lines: string[];
let answers: string[];

beforeEach(async () => {
  bench = await makeBench();
  stranger = await FakeCollector.start();
  [applied, lines, answers] = [[], [], []];
  bench.fake.on('GET /v1/blocklist', () => {
    const body = answers.shift();
    return body === undefined ? () => {} : { status: 200, body };
  });
  // A host that has a list already, of version 5 of the history "one".
  answers.push(await bench.fake.list([GOOD], { version: 5 }));
});

afterEach(async () => {
  await uplink.stop();
  await stranger.stop();
  await bench.tidy();
});

async function start(): Promise<void> {
  const { stateDir, identity, enrolment } = bench;
  uplink = await startUplink({
    ...{ stateDir, identity, enrolment, settings: POLICY.uplink, limits: listLimits(POLICY) },
    log: createLog({ level: 'info', json: false, write: (line) => lines.push(line) }),
    neverBlockFacts: () => ({ ...NO_FACTS, gateways: ['192.0.2.254'] }),
    applyBlockList: async (list) => void applied.push(list),
    status: () => ({
      ...{ agentVersion: '0.1.0', engine: 'kernel', firewall: 'nftables', startedAtMs: 1 },
      ...{ addresses: [], localBlocks: 0, probesLost: 0 },
    }),
  });
}

const told = (): StatusEvent | undefined =>
  bench.fake
    .seenOn('/v1/events')
    .map(({ claims }) => (claims as EventClaims).events[EVENT.status])
    .findLast((status) => status !== undefined);

const nowSeconds = () => Math.floor(Date.now() / 1000);

const cut = (jws: string): string => jws.slice(0, jws.length - 20);

/** The same header and signature over other claims. */
function altered(jws: string, other: string): string {
  const [header, , signature] = jws.split('.');
  return [header, other.split('.')[1], signature].join('.');
}

type Forge = () => Promise<string>;
const ours =
  (changes = {}, entries = [GOOD, EVIL]): Forge =>
  () =>
    bench.fake.list(entries, changes);

const ATTACKS: readonly (readonly [string, string, Forge])[] = [
  ['signed by another key', 'signature', () => stranger.list([EVIL], { version: 6 })],
  [
    'signed by another key in the name of the collector',
    'signature',
    () =>
      stranger.list([EVIL], {
        ...{ version: 6, iss: collectorUrn(bench.fake.collectorId) },
        aud: networkUrn(bench.fake.networkId),
      }),
  ],
  [
    'altered under its signature',
    'signature',
    async () => altered(await bench.fake.list([GOOD]), await bench.fake.list([EVIL], { version: 6 })),
  ],
  ['cut', 'signature', async () => cut(await bench.fake.list([EVIL], { version: 6 }))],
  [
    'signed, but made for another purpose',
    'signature',
    () => bench.fake.sign(BLOCK_LIST_TYP.replace('blocklist', 'enrolled'), { iss: 'x' }),
  ],
  ['signed, and no list', 'malformed', () => bench.fake.sign(BLOCK_LIST_TYP, { iss: 'x' })],
  ['of another network', 'other network', ours({ version: 6, aud: networkUrn(uuid7()) })],
  ['of another collector', 'other collector', ours({ version: 6, iss: collectorUrn(uuid7()) })],
  ['kept since before the last change', 'older', ours({ version: 4 })],
  [
    'kept from another history',
    'other history',
    ours({ version: 9, epoch: 'zero', iat: nowSeconds() - 100, exp: nowSeconds() + 200 }),
  ],
  ['that has expired', 'expired', ours({ version: 6, exp: nowSeconds() - 5 })],
];

describe('a block list', () => {
  it.each(ATTACKS)('%s changes nothing, and is told to all', async (_, reason, forge) => {
    await start();
    await eventually(() => applied.length).toBe(1);
    answers.push(await forge());
    // The list of the first answer is under way to be asked for again.
    bench.fake.closeConnections();
    await eventually(() => uplink.status().blockList.refusedLists).toEqual({ [reason]: 1 });
    expect(uplink.status()).toMatchObject({ blockList: { version: 5, entries: 1 } });
    expect(applied.every(({ entries }) => !entries.has(EVIL[0]))).toBe(true);
    await eventually(() => lines.some((line) => line.includes('the list is not believed'))).toBe(true);
    await eventually(() => told()?.blockList.refusedLists).toEqual({ [reason]: 1 });
  });

  it('whose digest is wrong is asked for as a whole, and not believed when that is wrong too', async () => {
    await start();
    await eventually(() => applied.length).toBe(1);
    const wrong = await bench.fake.list([GOOD, EVIL], { version: 6, digest: '0'.repeat(16) });
    answers.push(wrong, wrong);
    bench.fake.closeConnections();
    await eventually(() => told()?.blockList.refusedLists).toEqual({ digest: 1 });
    expect(bench.fake.seenOn('/v1/blocklist').some(({ query }) => query.get('since') === '0')).toBe(true);
    expect(uplink.status().blockList.version).toBe(5);
  });

  it('of the collector itself blocks nobody that this host never blocks, nor whole networks, nor for ever', async () => {
    await start();
    await eventually(() => applied.length).toBe(1);
    const untilMs = Date.now() + 3_600_000;
    const farMs = Date.now() + 90 * 86_400_000;
    const entries: BlockEntry[] = [
      GOOD,
      ['0.0.0.0/0', untilMs, 'dropped', 'all'],
      ['203.0.0.0/16', untilMs, 'dropped', 'wide'],
      ['2001:db8::/32', untilMs, 'dropped', 'wide'],
      ['192.0.2.254', untilMs, 'dropped', 'gateway'],
      ['127.0.0.1', untilMs, 'dropped', 'loopback'],
      ['198.51.100.9', farMs, 'dropped', 'for ever'],
    ];
    answers.push(await bench.fake.list(entries, { version: 6 }));
    bench.fake.closeConnections();
    await eventually(() => told()?.blockList).toMatchObject({
      ...{ version: 6, entries: 2 },
      refused: { 'too wide': 3, gateway: 1, loopback: 1, 'too long': 1 },
    });
    const list = applied.at(-1)?.entries;
    expect([...(list?.keys() ?? [])]).toEqual([GOOD[0], '198.51.100.9']);
    expect(list?.get('198.51.100.9')?.[1]).toBeLessThan(Date.now() + 32 * 86_400_000);
  });
});
