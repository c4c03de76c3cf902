import { type Check, type Finding, findings } from './finding.ts';
import type { HostFiles } from './host-files.ts';

const { ok, note } = findings('software');

/** Programs that block or watch as Picket does, by the name of their process (`/proc/PID/comm`, 15 characters). */
const PROGRAMS: Readonly<Record<string, string>> = {
  'fail2ban-server': 'it blocks by log lines; both work beside each other, each with rules of its own',
  portsentry: 'it watches the same ports: picket-agent import translates its files, then stop it',
  psad: 'it reads the same probes from the system log; both work beside each other',
  sshguard: 'it blocks by log lines; both work beside each other',
  crowdsec: 'it blocks by log lines; both work beside each other',
  denyhosts: 'it writes hosts.deny too: each keeps to its own lines',
  firewalld: "its reload leaves Picket's table alone",
};

/** Most processes that are looked at. */
const MOST_PROCESSES = 20_000;

/** What else on this host has to do with its firewall. None of it is a fault. */
export function softwareCheck(files: HostFiles): Check {
  return async () => {
    const names = new Set(await processNames(files));
    const programs = Object.entries(PROGRAMS).flatMap(([name, words]) =>
      names.has(name) ? [note(`${name} runs here: ${words}`)] : [],
    );
    const all = [...programs, ...(await configFindings(files))];
    return all.length > 0 ? all : [ok('no other program here blocks or watches ports')];
  };
}

async function processNames(files: HostFiles): Promise<string[]> {
  const pids = (await files.list('/proc')).filter((name) => /^\d+$/.test(name)).slice(0, MOST_PROCESSES);
  const names = await Promise.all(pids.map((pid) => files.read(`/proc/${pid}/comm`)));
  return names.map((name) => name?.trim() ?? '');
}

async function configFindings(files: HostFiles): Promise<Finding[]> {
  const ufw = await files.read('/etc/ufw/ufw.conf');
  const nftables = await files.read('/etc/nftables.conf');
  return [
    ...(/^\s*ENABLED=yes/m.test(ufw ?? '')
      ? [note('ufw is on: what it refuses is refused after Picket has seen it; nothing is to be done')]
      : []),
    ...(/^\s*flush ruleset/m.test(nftables ?? '')
      ? [
          note(
            "/etc/nftables.conf flushes all tables: after a reload of nftables.service Picket's table is away until the agent has put it back",
            'name your own tables there instead: "flush table inet filter"',
          ),
        ]
      : []),
  ];
}
