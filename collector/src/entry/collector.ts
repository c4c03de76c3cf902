import { checkLockRoom, type Database, openDatabase } from '@picket/db';
import type { Logger } from 'pino';
import { createApp } from '../app.ts';
import { createLimits } from '../limit/limits.ts';
import { ListWatch } from '../list-watch.ts';
import { carryListWord } from '../list-word.ts';
import { createMailer } from '../mail/pick.ts';
import { createMeters } from '../metrics/meters.ts';
import { createSigner, generateCollectorKey } from '../signer.ts';
import { createListReader } from '../store/block-list.ts';
import { ensureCollectorKey } from '../store/collector-key.ts';
import { readConnections } from '../store/connections.ts';
import type { Config } from './config.ts';
import { createDownloads } from './downloads.ts';
import { createGate } from './gate.ts';
import { startJobs } from './jobs.ts';
import { startMetricsServer } from './metrics-server.ts';
import { type RunningServer, startServer } from './server.ts';

/** A collector that serves. */
export interface RunningCollector {
  readonly host: string;
  readonly port: number;
  /** Answers what is under way, waiting hosts at once, and leaves the database in order. */
  stop(): Promise<void>;
}

/** Puts the collector together and starts it: all of it, or nothing. */
export async function startCollector(config: Config, log: Logger): Promise<RunningCollector> {
  const mailer = createMailer(mailOf(config));
  const { databaseUrl: url, dataDir } = config;
  const database = await openDatabase({ url, dataDir, log, applicationName: 'picket-collector' });
  try {
    await checkLockRoom(database.sql, config.retentionMs);
    const parts = await assemble(config, log, database);
    const jobs = startJobs({
      sql: database.sql,
      mailer,
      log,
      nowMs: Date.now,
      retentionMs: config.retentionMs,
    });
    const { host, port } = parts.server;
    return {
      host,
      port,
      async stop() {
        parts.watch.stop();
        await Promise.all([parts.server.stop(), parts.metrics?.stop()]);
        await Promise.all([jobs.stop(), parts.endWord()]);
        await database.close();
      },
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}

const mailOf = ({ smtpUrl, outboxDir, mailFrom }: Config) => ({ smtpUrl, outboxDir, from: mailFrom });

interface Parts {
  readonly watch: ListWatch;
  readonly server: RunningServer;
  readonly metrics: RunningServer | undefined;
  readonly endWord: () => Promise<void>;
}

async function assemble(config: Config, log: Logger, { sql }: Database): Promise<Parts> {
  const signer = await createSigner(await ensureCollectorKey(sql, await generateCollectorKey()));
  const watch = new ListWatch();
  const limits = createLimits({ sql: config.limits === 'postgres' ? sql : undefined });
  const meters = createMeters({ waiting: () => watch.waiting, connections: () => readConnections(sql) });
  const app = createApp({
    sql,
    signer,
    watch,
    limits,
    meters,
    log,
    readList: createListReader(sql),
    downloads: createDownloads(config),
    publicUrl: config.publicUrl,
    nowMs: Date.now,
  });
  const gate = createGate({ limits, meters, log, proxies: config.trustedProxies });
  const server = await startServer(app, config.listen, gate);
  try {
    const metrics = config.metricsListen && (await startMetricsServer(meters, config.metricsListen));
    return { watch, server, metrics, endWord: await carryListWord({ sql, watch, log }) };
  } catch (error) {
    await server.stop();
    throw error;
  }
}
