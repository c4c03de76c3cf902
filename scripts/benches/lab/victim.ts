import { join, resolve } from 'node:path';
import { type Lab, openLab } from '../../lab/lab.ts';

const ROOT = resolve(import.meta.dirname, '../../..');

/** The host that is scanned. */
export const VICTIM = 'a';

/** Its open ports: the lab's 22 and 80, and these. */
export const OPEN_TCP = [22, 80, 443] as const;
export const OPEN_UDP = [53] as const;

/** Open too, and above every scanned port: what is sent to it shows whether a source is blocked. */
export const CHECK_PORT = 8443;

/** More addresses of the victim, for who probes one port on many of them. */
export const MORE_ADDRESSES = Array.from({ length: 8 }, (_, i) => ({
  v4: `203.0.113.${50 + i}`,
  v6: `2001:db8:1::${50 + i}`,
}));

const READY_MS = 20_000;

/** A lab with one host to scan, with open ports TCP 22, 80, 443 and UDP 53 and some more addresses. */
export async function openVictimLab(): Promise<Lab> {
  const lab = await openLab({ hosts: [VICTIM] });
  const script = join(import.meta.dirname, 'services.ts');
  const argv = [
    process.execPath,
    '--import',
    'tsx',
    script,
    '443',
    `${CHECK_PORT}`,
    'udp',
    ...OPEN_UDP.map(String),
  ];
  await lab.spawn(VICTIM, 'services', argv, { cwd: ROOT }).printed(/listening/, READY_MS);
  for (const { v4, v6 } of MORE_ADDRESSES) {
    await lab.addAddress(VICTIM, v4);
    await lab.addAddress(VICTIM, v6);
  }
  return lab;
}

/** Has answers to the benchmarking network, 198.18.0.0/15 (RFC 2544), go over the wire to the router, which throws them away. */
export async function routeAnswers(lab: Lab): Promise<void> {
  await lab.mustExec(VICTIM, ['ip', 'route', 'add', '198.18.0.0/15', 'via', lab.node('router').v4]);
  await lab.mustExec('router', ['ip', 'route', 'add', 'blackhole', '198.18.0.0/15']);
}
