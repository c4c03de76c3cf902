import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { atExit } from '../../lab/at-exit.ts';
import { mustExec, start } from '../../lab/run.ts';
import { waitFor } from '../../lab/wait.ts';
import { SCENARIO } from './alert.ts';
import { MEASURED_CORE, onCore } from './cores.ts';

const PORT = 18_080;
const READY_MS = 30_000;
const MACHINE = { machine_id: 'bench', password: 'only-on-loopback' };

/** How its agent calls itself: others are refused. */
export const USER_AGENT = 'crowdsec/v1.4.6-linux-debian';

/** Where it keeps alerts. */
export type Store = { type: 'sqlite' } | { type: 'postgresql'; url: string };

/** CrowdSec's local API alone, without an agent and without its central one. */
export type Lapi = { origin: string; token: string; sqliteFile: string; stop: () => Promise<void> };

/** Starts the API out of unpacked packages, in a folder of its own, with a machine that may send. */
export async function startLapi(root: string, folder: string, store: Store): Promise<Lapi> {
  for (const part of ['data', 'hub', 'notifications', 'plugins'])
    await mkdir(join(folder, part), { recursive: true });
  for (const file of ['profiles.yaml', 'simulation.yaml'])
    await copyFile(join(root, 'etc/crowdsec', file), join(folder, file));
  await writeFile(join(folder, 'hub/.index.json'), '{}');
  const config = join(folder, 'config.yaml');
  // JSON is YAML.
  await writeFile(config, JSON.stringify(configOf(folder, store)));
  const program = (name: string) => [join(root, 'usr/bin', name), '-c', config];
  const { machine_id, password } = MACHINE;
  const credentials = join(folder, 'credentials.yaml');
  await writeFile(credentials, '');
  await mustExec([...program('cscli'), 'machines', 'add', machine_id, '-p', password, '-f', credentials]);
  const argv = onCore(MEASURED_CORE, [...program('crowdsec'), '-no-cs']);
  const running = start(argv, join(folder, 'crowdsec.log'));
  const atLast = atExit(() => process.kill(-running.pid, 'SIGKILL'));
  await running.printed(/Local API listening/, READY_MS);
  const origin = `http://127.0.0.1:${PORT}`;
  const token = await running.unlessEnded(waitFor('a login', () => login(origin), READY_MS));
  return {
    ...{ origin, token, sqliteFile: join(folder, 'data/crowdsec.db') },
    stop: async () => {
      atLast();
      await running.stop();
    },
  };
}

async function login(origin: string): Promise<string | undefined> {
  const body = JSON.stringify({ ...MACHINE, scenarios: [SCENARIO] });
  const headers = { 'content-type': 'application/json', 'user-agent': USER_AGENT };
  const reply = await fetch(`${origin}/v1/watchers/login`, { method: 'POST', headers, body }).catch(
    () => undefined,
  );
  return reply?.ok ? ((await reply.json()) as { token: string }).token : undefined;
}

/** The shipped config with other folders; without its flush, which would delete alerts beyond 5,000 before they are counted. */
function configOf(folder: string, store: Store): object {
  const at = (name: string) => join(folder, name);
  return {
    common: { daemonize: false, log_media: 'stdout', log_level: 'info', working_dir: '.' },
    config_paths: {
      ...{ config_dir: folder, data_dir: at('data'), simulation_path: at('simulation.yaml') },
      ...{ hub_dir: at('hub'), index_path: at('hub/.index.json') },
      ...{ notification_dir: at('notifications'), plugin_dir: at('plugins') },
    },
    cscli: { output: 'raw' },
    db_config: { log_level: 'info', ...storeConfig(folder, store) },
    api: {
      client: { insecure_skip_verify: false, credentials_path: at('credentials.yaml') },
      server: { log_level: 'info', listen_uri: `127.0.0.1:${PORT}`, profiles_path: at('profiles.yaml') },
    },
    prometheus: { enabled: false },
  };
}

function storeConfig(folder: string, store: Store): object {
  if (store.type === 'sqlite') return { type: 'sqlite', db_path: join(folder, 'data/crowdsec.db') };
  const { searchParams, pathname } = new URL(store.url);
  return {
    ...{ type: 'postgresql', db_name: pathname.slice(1), host: searchParams.get('host') },
    ...{ port: Number(searchParams.get('port') ?? 5432), user: searchParams.get('user'), sslmode: 'disable' },
    // Not asked for: whoever reaches the socket may come in.
    password: 'none',
  };
}
