import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { waitFor } from '../../lab/wait.ts';
import { peerFiles } from '../peers/packages.ts';
import { startPeer } from '../peers/start.ts';
import { PORTSENTRY, portsentryEtc, READY_MS, WATCHING } from './portsentry.ts';
import { processesNamed } from './processes.ts';
import type { Who } from './who.ts';

/** fail2ban with what tells it of changed files at once, the Python that runs it, and PortSentry, whose history it reads. */
const PACKAGES = [
  ...['fail2ban', 'python3-pyinotify', 'portsentry', 'busybox', 'nftables', 'libnftables1', 'libjansson4'],
  ...['python3-minimal', 'python3.11-minimal', 'libpython3.11-minimal', 'libpython3.11-stdlib'],
  ...['libsqlite3-0', 'libffi8', 'libexpat1'],
] as const;

/** Its own jail for PortSentry's history, with the best of its actions, and nothing else. */
const JAIL = `[DEFAULT]
banaction = nftables[type=allports]
banaction_allports = nftables[type=allports]
backend = pyinotify

[sshd]
enabled = false

[portsentry]
enabled = true
`;

const COMMAND = `mkdir -p /var/lib/portsentry /var/lib/fail2ban /run/fail2ban && : >/var/lib/portsentry/portsentry.history
fail2ban-server -f --logtarget /var/log/fail2ban.log start &
${PORTSENTRY} && exec sleep infinity`;

const files = () => peerFiles(PACKAGES, '1.0');

/** Debian's fail2ban over PortSentry's history, as its own jail "portsentry" has it. */
export const fail2ban: Who = {
  name: 'fail2ban',
  patienceMs: 5_000,
  socketsTellDrops: true,
  settings: [
    {
      setting: 'jail "portsentry" enabled',
      why: 'it reads the history of PortSentry 1.2 -atcp, which blocks nobody itself',
    },
    { setting: 'banaction = nftables[type=allports], backend = pyinotify', why: 'its fastest ones' },
  ],
  prepare: async () => {
    const found = await files();
    return found.ok ? undefined : found.reason;
  },
  start: async (lab, host) => {
    const found = await files();
    if (!found.ok) throw new Error(found.reason);
    const etc = { ...(await portsentryEtc(found.root, { block: false })), 'fail2ban/jail.local': JAIL };
    const peer = await startPeer(lab, host, { name: 'fail2ban', files: found.root, etc, command: COMMAND });
    await peer.logged(WATCHING, READY_MS);
    const processes = () => processesNamed(lab.namespace(host), ['fail2ban-server', 'portsentry']);
    const log = () => readFile(join(peer.logFolder, 'fail2ban.log'), 'utf8').catch(() => '');
    await waitFor('the jail', async () => (await log()).includes("Jail 'portsentry' started"), READY_MS);
    return {
      reports: async (source) => (await peer.log()).includes(`/${source} to `),
      processes,
    };
  },
};
