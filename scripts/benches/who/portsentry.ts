import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { peerFiles } from '../peers/packages.ts';
import { DROP_TABLE, startPeer } from '../peers/start.ts';
import { processesNamed } from './processes.ts';
import type { Who } from './who.ts';

/** Its two watchers, as its service starts them with `TCP_MODE="atcp"` and `UDP_MODE="audp"`; they go to the background. */
export const PORTSENTRY = 'portsentry -atcp && portsentry -audp';

/** Time for both to have looked at every port, ms. */
export const READY_MS = 20_000;

/** Its system log once both watch. */
export const WATCHING = /(now active and listening[\s\S]*){2}/;

/** How it blocks. */
type Way = {
  name: string;
  killRoute: string;
  why: string;
  packages?: readonly string[];
  links?: Readonly<Record<string, string>>;
  /** Whether the host gets a set that drops, for a command that adds to it. */
  hasSet?: boolean;
};

/** Debian's PortSentry 1.2 in its best modes. */
function portsentryBy({ name, killRoute, why, packages = [], links = {}, hasSet = false }: Way): Who {
  const find = () => peerFiles(['portsentry', 'busybox', ...packages], '1.2', links);
  return {
    name,
    patienceMs: 1_000,
    socketsTellDrops: true,
    settings: [
      { setting: '-atcp, -audp', why: 'its best modes; the default is the classic lists' },
      { setting: 'BLOCK_TCP=1, BLOCK_UDP=1', why: 'it blocks nobody by default' },
      { setting: `KILL_ROUTE=${killRoute}`, why },
    ],
    prepare: async () => {
      const files = await find();
      return files.ok ? undefined : files.reason;
    },
    start: async (lab, host) => {
      const files = await find();
      if (!files.ok) throw new Error(files.reason);
      if (hasSet) await lab.mustExec(host, ['nft', '-f', '-'], { stdin: DROP_TABLE });
      const etc = await portsentryEtc(files.root, { block: true, killRoute });
      const command = `${PORTSENTRY} && exec sleep infinity`;
      const peer = await startPeer(lab, host, { name: 'portsentry', files: files.root, etc, command });
      await peer.logged(WATCHING, READY_MS);
      return {
        reports: async (source) => (await peer.log()).includes(`/${source} to `),
        processes: () => processesNamed(lab.namespace(host), ['portsentry']),
      };
    },
  };
}

/** What lies over /etc: the shipped file with blocking on or off, and nobody ignored but the host itself. */
export async function portsentryEtc(
  root: string,
  { block, killRoute }: { block: boolean; killRoute?: string },
): Promise<Record<string, string>> {
  const shipped = await readFile(join(root, 'etc/portsentry/portsentry.conf'), 'utf8');
  const blocking = shipped.replace(/^BLOCK_(TCP|UDP)=.*$/gm, `BLOCK_$1="${block ? 1 : 0}"`);
  return {
    'portsentry/portsentry.conf':
      killRoute === undefined
        ? blocking
        : blocking.replace(/^KILL_ROUTE=.*$/m, () => `KILL_ROUTE="${killRoute}"`),
    'portsentry/portsentry.ignore': '127.0.0.1/32\n0.0.0.0\n',
  };
}

/** The fastest command there is: one element into a set that drops. */
export const portsentry = portsentryBy({
  name: 'portsentry-1.2',
  killRoute: '/usr/sbin/nft add element inet peer blocked { $TARGET$ }',
  why: 'the default is a reject route, which lets packets in',
  hasSet: true,
});

/** The command that its file proposes for Linux. */
export const portsentryIptables = portsentryBy({
  name: 'portsentry-1.2-iptables',
  killRoute: '/usr/sbin/iptables -I INPUT -s $TARGET$ -j DROP',
  why: "one of its file's proposals",
  packages: ['iptables', 'libip6tc2', 'libxtables12'],
  links: { 'usr/sbin/iptables': 'xtables-nft-multi' },
});

/** As Debian ships it. */
export const portsentryRoute = portsentryBy({
  name: 'portsentry-1.2-route',
  killRoute: '/usr/sbin/route add -host $TARGET$ reject',
  why: 'the shipped one, by its path on a system whose /sbin is /usr/sbin',
  packages: ['net-tools'],
});
