import type { Database } from '@picket/db';
import { testDatabase } from '@picket/db/testing';
import { EVENT } from '@picket/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { carryListWord } from '../list-word.ts';
import { type TestCollector, testCollector, testHost, testNetwork } from '../testing/collector.ts';
import type { TestHost } from '../testing/host.ts';
import { trippedSighting } from '../testing/sighting.ts';
import { testStatus } from '../testing/status.ts';
import { previewFacts } from './digests.ts';
import { blockSource } from './manual.ts';
import { findNetwork, setNetworkMode } from './networks.ts';
import { readHosts } from './reports.ts';

let database: Database;
let collector: TestCollector;
let networkId: string;
let host: TestHost;

beforeAll(async () => {
  database = await testDatabase();
  collector = await testCollector(database.sql);
});
afterAll(() => database.close());
beforeEach(async () => {
  networkId = await testNetwork(database.sql);
  host = await testHost(collector, networkId);
});

const hold = (untilMs?: number) =>
  setNetworkMode(database.sql, { networkId, mode: 'observe', untilMs }, Date.now());
const release = () =>
  setNetworkMode(database.sql, { networkId, mode: 'enforce', untilMs: undefined }, Date.now());

describe('the mode of a network', () => {
  test('goes out with the list, each change under a version of its own', async () => {
    expect(await host.readList()).not.toHaveProperty('observe');
    const untilMs = Date.now() + 3_600_000;
    expect(await hold(untilMs)).toBe(1);
    const { epoch, observe } = await host.readList();
    expect(observe).toEqual({ untilMs });
    await hold();
    expect(await host.readList({ since: 1, epoch })).toMatchObject({ version: 2, observe: {}, full: false });
    await release();
    expect(await host.readList({ since: 2, epoch })).not.toHaveProperty('observe');
  });

  test('wakes hosts that wait for news of the list', async () => {
    const end = await carryListWord({
      sql: database.sql,
      watch: collector.deps.watch,
      log: collector.deps.log,
    });
    try {
      await blockSource(
        database.sql,
        {
          networkId,
          source: '198.51.100.7',
          tier: 'held',
          reason: 'r',
          author: 'a',
          untilMs: Date.now() + 9e6,
        },
        Date.now(),
      );
      const { epoch, version } = await host.readList();
      const waiting = host.readList({ since: version, epoch }, { waitSeconds: 20 });
      await hold();
      expect(await waiting).toMatchObject({ version: version + 1, observe: {} });
    } finally {
      await end();
    }
  });

  test('ends by itself', async () => {
    await hold(Date.now() - 1);
    expect(await findNetwork(database.sql, networkId)).toMatchObject({ mode: 'enforce' });
    expect(await previewFacts(database.sql, networkId, Date.now())).not.toHaveProperty('observe');
  });

  test('is told by the digest, in which hosts that observe have nothing in force', async () => {
    const untilMs = Date.now() + 3_600_000;
    await hold(untilMs);
    await host.pushSightings({ ...trippedSighting(), block: observedBlock() });
    const blockList = { version: 99, entries: 1, refused: {} };
    await host.push({ [EVENT.status]: testStatus({ mode: 'observe', blockList }) });
    const facts = await previewFacts(database.sql, networkId, Date.now());
    expect(facts).toMatchObject({ observe: { untilMs }, totals: { blocked: 1, mostInForce: 0 } });
    expect(facts.scanners).toMatchObject([{ hostsInForce: 0, observingHosts: 1 }]);
    expect(await readHosts(database.sql, networkId)).toMatchObject([{ mode: 'observe' }]);
    await host.push({ [EVENT.status]: testStatus({ mode: 'enforce', blockList, nowMs: Date.now() + 1 }) });
    const later = await previewFacts(database.sql, networkId, Date.now());
    expect(later.totals.mostInForce).toBe(1);
  });
});

const observedBlock = () => ({
  ...{ atMs: Date.now() - 1_000, untilMs: Date.now() + 3_600_000, tier: 'held' as const },
  ...{ engine: 'kernel', backend: 'nftables', enforced: false, droppedPackets: 0 },
});
