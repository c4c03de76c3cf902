import { readFile } from 'node:fs/promises';
import { waitFor } from '../../lab/wait.ts';
import { peerFiles } from '../peers/packages.ts';
import { startPeer } from '../peers/start.ts';
import { processesNamed } from './processes.ts';
import type { Who } from './who.ts';

const PACKAGES = ['scanlogd', 'busybox'] as const;

/** The folder is what its service makes; it goes to the background. */
const COMMAND = 'mkdir -p /run/scanlogd/empty && scanlogd && exec sleep infinity';

/** The user that its installation would have made; a number that no package of Debian uses. */
const USER = 'scanlogd:x:64990:64990::/nonexistent:/usr/sbin/nologin\n';

const READY_MS = 20_000;

/** Debian's scanlogd: it logs and blocks nobody. */
export const scanlogd: Who = {
  name: 'scanlogd',
  patienceMs: 300,
  socketsTellDrops: true,
  settings: [],
  prepare: async () => {
    const files = await peerFiles(PACKAGES, '2.2');
    return files.ok ? undefined : files.reason;
  },
  start: async (lab, host) => {
    const files = await peerFiles(PACKAGES, '2.2');
    if (!files.ok) throw new Error(files.reason);
    const etc = {
      passwd: (await readFile('/etc/passwd', 'utf8')) + USER,
      group: `${await readFile('/etc/group', 'utf8')}scanlogd:x:64990:\n`,
    };
    const peer = await startPeer(lab, host, { name: 'scanlogd', files: files.root, etc, command: COMMAND });
    const processes = () => processesNamed(lab.namespace(host), ['scanlogd']);
    await waitFor('scanlogd to run', async () => (await processes()).length > 0, READY_MS);
    return {
      reports: async (source) =>
        new RegExp(`scanlogd: ${source}[: ]`.replaceAll('.', '\\.')).test(await peer.log()),
      processes,
    };
  },
};
