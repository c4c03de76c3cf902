import { join } from 'node:path';
import type { Lab } from '../lab.ts';
import { HOST } from './kind.ts';

/** Packets a second: slow enough that nothing is lost on the way. */
const RATE = 500;

/**
 * Has the scanner send what a host once received, to the host that has its addresses now. Frames keep their kind:
 * what was for all stays for all.
 */
export async function play(lab: Lab, file: string, own: readonly string[]): Promise<void> {
  const mac = (node: string) =>
    lab.mustExec(node, ['cat', '/sys/class/net/eth0/address']).then((s) => s.trim());
  const [to, from] = await Promise.all([mac(HOST), mac('scanner')]);
  const [inbound, sound] = [join(lab.folder, 'inbound.pcap'), join(lab.folder, 'addressed.pcap')];
  const fromOthers = own.map((address) => `not src host ${address}`).join(' and ');
  const filter = `(ip or ip6) and ${fromOthers}`;
  await lab.mustExec('scanner', ['tcpdump', '-r', file, '-w', inbound, '-Z', 'root', filter]);
  const addressed = ['--skipbroadcast', `--enet-dmac=${to}`, `--enet-smac=${from}`];
  await lab.mustExec('scanner', ['tcprewrite', ...addressed, '-i', inbound, '-o', sound]);
  await lab.mustExec('scanner', ['tcpreplay', '-q', '-i', 'eth0', `--pps=${RATE}`, sound]);
}
