import { join, resolve } from 'node:path';
import { type JoinKey, parseJoinKey } from '@picket/protocol';
import { atExit } from '../../lab/at-exit.ts';
import { mustExec, start } from '../../lab/run.ts';
import { waitFor } from '../../lab/wait.ts';
import { HOSTS } from './cases.ts';
import { MEASURED_CORE, onCore } from './cores.ts';
import type { Site } from './site.ts';

const DIST = resolve(import.meta.dirname, '../../../collector/dist');

const PORT = 18_440;
const READY_MS = 60_000;

/** A collector as it is shipped, one process on one core. */
export type Collector = {
  origin: string;
  /** Admits a whole fleet to its network. */
  joinKey: JoinKey;
  pid: number;
  stop: () => Promise<void>;
};

/** Starts a collector on a database with one network, which is made when the database is new. */
export async function startCollector(site: Site, databaseUrl: string, isNew = true): Promise<Collector> {
  const origin = `http://127.0.0.1:${PORT}`;
  const env = {
    PATH: process.env.PATH,
    DATABASE_URL: databaseUrl,
    PICKET_LISTEN: `127.0.0.1:${PORT}`,
    PICKET_PUBLIC_URL: origin,
    PICKET_DATA_DIR: join(site.folder, 'collector'),
  };
  const argv = onCore(MEASURED_CORE, [process.execPath, join(DIST, 'collector.mjs')]);
  const running = start(argv, join(site.folder, 'collector.log'), { env });
  const atLast = atExit(() => process.kill(-running.pid, 'SIGKILL'));
  const isReady = () =>
    fetch(`${origin}/readyz`).then(
      (reply) => reply.ok,
      () => false,
    );
  await running.unlessEnded(waitFor('the collector to be ready', isReady, READY_MS));
  const picket = (...args: string[]) =>
    mustExec([process.execPath, join(DIST, 'picket.mjs'), ...args], { env });
  if (isNew) await picket('network', 'add', 'bench', '--mail', 'admin@example.net');
  const [text = ''] = (await picket('join-key', 'bench', '--uses', `${HOSTS}`)).split('\n');
  const read = parseJoinKey(text);
  if (!read.ok) throw new Error(read.reason);
  return {
    ...{ origin, joinKey: read.joinKey, pid: running.pid },
    stop: async () => {
      atLast();
      await running.stop();
    },
  };
}
