import type { Hono } from 'hono';
import { createApp } from '../app.ts';
import type { Deps, Log } from '../deps.ts';
import { createLimits } from '../limit/limits.ts';
import { ListWatch } from '../list-watch.ts';
import { createMeters } from '../metrics/meters.ts';
import { createSigner, generateCollectorKey } from '../signer.ts';
import { createListReader } from '../store/block-list.ts';
import { ensureCollectorKey } from '../store/collector-key.ts';
import { readConnections } from '../store/connections.ts';
import { addJoinToken } from '../store/join-tokens.ts';
import { addNetwork } from '../store/networks.ts';
import type { Sql } from '../store/sql.ts';
import { TestHost } from './host.ts';

/** Says only what no test means to cause. */
const LOG: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: (...said) => console.error(...said),
};

/** A replica of the collector over a test's database, without a port: requests go straight to `fetch`. */
export interface TestCollector {
  readonly app: Hono;
  readonly deps: Deps;
}

/** Makes a replica; two of them over one database are two replicas of one collector. */
export async function testCollector(sql: Sql, over: Partial<Deps> = {}): Promise<TestCollector> {
  const keys = await ensureCollectorKey(sql, await generateCollectorKey());
  const watch = new ListWatch();
  const deps: Deps = {
    sql,
    signer: await createSigner(keys),
    readList: createListReader(sql),
    watch,
    limits: createLimits({ sql: undefined }),
    meters: createMeters({ waiting: () => watch.waiting, connections: () => readConnections(sql) }),
    downloads: { installScript: async () => undefined, agent: async () => undefined },
    publicUrl: 'http://collector.test',
    log: LOG,
    nowMs: Date.now,
    ...over,
  };
  return { app: createApp(deps), deps };
}

let networks = 0;

/** A network of its own for one test. */
export async function testNetwork(sql: Sql): Promise<string> {
  networks += 1;
  const added = await addNetwork(sql, {
    name: `net-${networks}`,
    recipients: ['ops@example.org'],
    zone: 'UTC',
  });
  if (added === undefined) throw new Error('the name is taken');
  return added.id;
}

/** A host that has joined the network. */
export async function testHost(
  { app, deps }: TestCollector,
  networkId: string,
  hostName = 'web-1',
): Promise<TestHost> {
  const host = await TestHost.make(app, deps.signer.collectorId, networkId, hostName);
  const expiresAtMs = deps.nowMs() + 3_600_000;
  const reply = await host.enrol(await addJoinToken(deps.sql, { networkId, maxUses: 1, expiresAtMs }));
  if (reply.status !== 201) throw new Error(`not enrolled: ${await reply.text()}`);
  return host;
}
