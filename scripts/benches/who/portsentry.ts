import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { peerFiles } from '../peers/packages.ts';
import { DROP_TABLE, startPeer } from '../peers/start.ts';
import { processesNamed } from './processes.ts';
import type { Who } from './who.ts';

const PACKAGES = ['portsentry', 'busybox'] as const;

/** Its two watchers, as its service starts them with `TCP_MODE="atcp"` and `UDP_MODE="audp"`; they go to the background. */
const COMMAND = 'portsentry -atcp && portsentry -audp && exec sleep infinity';

/** Time for both to have looked at every port, ms. */
const READY_MS = 20_000;

/** Debian's PortSentry 1.2 in its best modes. */
export const portsentry: Who = {
  name: 'portsentry-1.2',
  patienceMs: 1_000,
  socketsTellDrops: true,
  settings: [
    { setting: '-atcp, -audp', why: 'its best modes; the default is the classic lists' },
    { setting: 'BLOCK_TCP=1, BLOCK_UDP=1', why: 'it blocks nobody by default' },
    { setting: 'KILL_ROUTE=nft add element …', why: 'the default is a reject route, which lets packets in' },
  ],
  prepare: async () => {
    const files = await peerFiles(PACKAGES, '1.2');
    return files.ok ? undefined : files.reason;
  },
  start: async (lab, host) => {
    const files = await peerFiles(PACKAGES, '1.2');
    if (!files.ok) throw new Error(files.reason);
    await lab.mustExec(host, ['nft', '-f', '-'], { stdin: DROP_TABLE });
    const shipped = await readFile(join(files.root, 'etc/portsentry/portsentry.conf'), 'utf8');
    const etc = {
      'portsentry/portsentry.conf': configText(shipped),
      'portsentry/portsentry.ignore': '127.0.0.1/32\n0.0.0.0\n',
    };
    const peer = await startPeer(lab, host, { name: 'portsentry', files: files.root, etc, command: COMMAND });
    await peer.logged(/(now active and listening[\s\S]*){2}/, READY_MS);
    return {
      reports: async (source) => (await peer.log()).includes(`/${source} to `),
      processes: () => processesNamed(lab.namespace(host), ['portsentry']),
    };
  },
};

/** The shipped file with blocking switched on, by a set of the kernel. */
function configText(shipped: string): string {
  return shipped
    .replace(/^BLOCK_(TCP|UDP)=.*$/gm, 'BLOCK_$1="1"')
    .replace(/^KILL_ROUTE=.*$/m, 'KILL_ROUTE="/usr/sbin/nft add element inet peer blocked { $TARGET$$ }"');
}
