import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { exec } from '../../lab/run.ts';
import { processTree } from './processes.ts';
import type { Variant, Who } from './who.ts';

const PROGRAM = resolve(import.meta.dirname, '../../../agent/dist/agent.mjs');

/** Time for an agent to watch, ms. */
const READY_MS = 30_000;

/** What Picket's engines differ in from the shipped default policy, in every benchmark. */
const SETTINGS = [
  { setting: 'watch.engine', why: 'the engine that is measured' },
  { setting: 'state_dir', why: 'a folder of the run, so that nothing is left on this machine' },
];

/** Takes the machine's own system log away; the agent writes its lines to standard error then. */
const AS_HOST = 'if [ -e /dev/log ]; then mount --bind /dev/null /dev/log; fi && exec "$@"';

/** One way to run the program: an engine, and what it is given beside the defaults. */
export type Way = {
  name?: string;
  /** The backend that refuses; the host's best when it is not named. */
  firewall?: string;
  /** Lines of `[block]`, each told. */
  block?: readonly { setting: string; why: string }[];
};

/** The shipped program with one of its engines, alone on its host, without a collector. */
export function picket(engine: 'kernel' | 'capture' | 'connect', way: Way = {}): Who {
  const { name = `picket-${engine}`, block = [] } = way;
  return {
    name,
    patienceMs: 1_000,
    socketsTellDrops: engine !== 'capture',
    settings: [
      ...SETTINGS,
      ...(way.firewall
        ? [{ setting: `block.firewall = "${way.firewall}"`, why: 'the backend that is measured' }]
        : []),
      ...block.map(({ setting, why }) => ({ setting: `block.${setting}`, why })),
    ],
    prepare: () => whyNotBuilt(engine, way),
    start: async (lab, host, variant = {}) => {
      const folder = join(lab.folder, `agent-${host}`);
      await mkdir(join(folder, 'state'), { recursive: true, mode: 0o700 });
      const config = join(folder, 'picket.toml');
      await writeFile(config, configText(engine, way, join(folder, 'state'), variant));
      const argv = ['sh', '-c', AS_HOST, 'sh', process.execPath, PROGRAM, 'run', '--config', config];
      const running = lab.spawn(host, `agent-${host}`, argv);
      await running.printed(/now active and listening/, READY_MS);
      return {
        reports: async (source) => namesSource(await running.output(), source),
        processes: () => processTree(running.pid),
      };
    },
  };
}

/** The shipped default policy, but for what is measured. */
function configText(engine: string, way: Way, stateDir: string, { tripwire }: Variant): string {
  const lines = [`state_dir = ${JSON.stringify(stateDir)}`, '[watch]', `engine = "${engine}"`, '[block]'];
  if (way.firewall !== undefined) lines.push(`firewall = "${way.firewall}"`);
  lines.push(...(way.block ?? []).map(({ setting }) => setting));
  if (tripwire !== undefined) lines.push('[threshold]', `tripwire_tcp = "${tripwire}"`);
  return `${lines.join('\n')}\n`;
}

/** Asks the program itself: an engine that is not there must not be measured under its name. */
async function whyNotBuilt(engine: string, way: Way): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'picket-bench-'));
  try {
    const config = join(folder, 'picket.toml');
    await writeFile(config, configText(engine, way, join(folder, 'state'), {}));
    // Backends may try the kernel: in a network namespace of its own that is nobody's firewall.
    const alone = ['unshare', '--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh'];
    const argv = [...alone, process.execPath, PROGRAM, 'check', '--config', config];
    const { status, stdout, stderr } = await exec(argv);
    const [, chosen] = /^engine:\s+(\S+)/m.exec(stdout) ?? [];
    const [, firewall] = /^firewall:\s+(\S+)/m.exec(stdout) ?? [];
    const isIt = chosen === engine && firewall === (way.firewall ?? firewall);
    if (status === 0 && isIt) return undefined;
    const said = stderr.trim().split('\n').at(-1);
    return `not built (${status === 0 ? `asked for it, the agent takes "${chosen}" and "${firewall}"` : said})`;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** PortSentry's lines of a scan or a block that name an address, or the /64 it belongs to. */
export function namesSource(text: string, source: string): boolean {
  return text
    .split('\n')
    .some(
      (line) => line.includes(`from host: ${source}/`) || line.includes(`Host ${source} has been blocked`),
    );
}
