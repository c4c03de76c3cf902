import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FakeCollector } from '@picket/agent/uplink/fake-collector';
import { type BlockEntry, listDigest } from '@picket/protocol';
import { readOrder } from './list-order.ts';

/**
 * A collector on loopback that only has a block list, and changes it as `order.json` in its folder says. It answers
 * real requests with signed lists. Prints its join key; `list.json` has what it serves.
 */
const [folder = ''] = process.argv.slice(2);

/** How long a request waits for news, ms, and how often the order is looked at. */
const HOLD_MS = 20_000;
const LOOK_MS = 10;

const LIFE_MS = 4 * 3_600_000;
const bornMs = Date.now();

/** The n-th of 16 million: 10.0.0.0/8, which no machine of a lab has. */
const entry = (source: string, n: number): BlockEntry => [
  ...([source, bornMs + LIFE_MS + n * 10] as const),
  ...([n % 2 === 0 ? 'held' : 'dropped', 'the lab'] as const),
];
const numbered = (n: number) => entry(`10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`, n);

let version = 0;
let moved = 0;
let entries = new Map<string, BlockEntry>();
let wanted = '';

/** Where the part of the list that changes begins: beyond the part that stays. */
const MOVING_FROM = 1_000_000;

function nextEntries(): Map<string, BlockEntry> {
  const { size, moving, named } = readOrder(folder);
  const list = [
    ...named.map((source) => entry(source, 0)),
    ...Array.from({ length: size }, (_, n) => numbered(n)),
    ...Array.from({ length: moving }, (_, n) => numbered(MOVING_FROM + moved + n)),
  ];
  return new Map(list.map((one) => [one[0], one]));
}

/** Makes the next version when the order asks for one. */
function change(): { add: BlockEntry[]; remove: string[] } | undefined {
  const order = readOrder(folder);
  const key = JSON.stringify([order.size, order.moving, order.named]);
  if (order.isFrozen || (key === wanted && order.step === 0)) return undefined;
  wanted = key;
  moved += order.step;
  const next = nextEntries();
  const add = [...next.values()].filter(([source]) => !entries.has(source));
  const remove = [...entries.keys()].filter((source) => !next.has(source));
  entries = next;
  version += 1;
  return { add, remove };
}

function tell(): void {
  const file = join(folder, 'list.json');
  const text = JSON.stringify({ version, servedAtMs: Date.now(), sources: [...entries.keys()] });
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}

const fake = await FakeCollector.start();
fake.on('GET /v1/blocklist', async ({ query, headers }) => {
  const known = { since: Number(query.get('since')), epoch: query.get('epoch') };
  const isCurrent = known.epoch === 'one' && known.since === version && version > 0;
  const claims = { version, digest: '', epoch: 'one' };
  if (!isCurrent) {
    if (version === 0) change();
    const all = [...entries.values()];
    const body = await fake.list(all, { ...claims, version, digest: listDigest(all) });
    tell();
    return { status: 200, body };
  }
  const endMs = headers.prefer === 'wait=0' ? 0 : Date.now() + HOLD_MS;
  let news = change();
  while (news === undefined && Date.now() < endMs) {
    await sleep(LOOK_MS);
    news = change();
  }
  await sleep(news === undefined ? 0 : readOrder(folder).pauseMs);
  const changes = { full: false, since: known.since, remove: news?.remove ?? [] };
  const digest = listDigest(entries.values());
  const body = await fake.list(news?.add ?? [], { ...claims, ...changes, version, digest });
  if (news !== undefined) tell();
  return { status: 200, body };
});
console.log(`join key ${fake.joinKey}`);
