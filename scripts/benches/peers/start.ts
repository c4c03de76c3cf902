import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Lab } from '../../lab/lab.ts';
import { waitFor } from '../../lab/wait.ts';

const AS_PEER = join(import.meta.dirname, 'as-peer.sh');

/** A set that drops, for peers that run a command to block: before the filters, like most such set-ups. */
export const DROP_TABLE = `table inet peer {
  set blocked { type ipv4_addr; size 65535; }
  chain input { type filter hook input priority -300; policy accept; ip saddr @blocked drop; }
}
`;

/** A peer that runs on a host. */
export type Peer = {
  /** All of its system log so far. */
  log: () => Promise<string>;
  /** Waits until its system log holds something. */
  logged: (pattern: RegExp, deadlineMs: number) => Promise<void>;
  /** Folder over /var/log. */
  logFolder: string;
};

export type PeerOptions = {
  name: string;
  /** Unpacked packages. */
  files: string;
  /** Files that lie over /etc, by path below it. */
  etc: Readonly<Record<string, string>>;
  /** A constant line of shell. */
  command: string;
};

/** Starts a peer over files of its own, on a host of the lab; it ends with the lab. */
export async function startPeer(lab: Lab, host: string, options: PeerOptions): Promise<Peer> {
  const { name, files, etc, command } = options;
  const own = join(lab.folder, `peer-${name}`);
  for (const [path, text] of Object.entries(etc)) {
    await mkdir(dirname(join(own, 'etc', path)), { recursive: true });
    await writeFile(join(own, 'etc', path), text);
  }
  for (const folder of ['log', 'etc', `lib/${name}`, `log/${name}`])
    await mkdir(join(own, folder), { recursive: true });
  const running = lab.spawn(host, `peer-${name}`, ['sh', AS_PEER, files, own, 'sh', '-c', command]);
  const log = () => readFile(join(own, 'log', 'syslog'), 'utf8').catch(() => '');
  return {
    log,
    logFolder: join(own, 'log'),
    logged: async (pattern, deadlineMs) => {
      const look = async () => pattern.test(await log());
      await running.unlessEnded(waitFor(`${pattern} in the system log of ${name}`, look, deadlineMs));
    },
  };
}
