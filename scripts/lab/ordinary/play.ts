import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Lab } from '../lab.ts';
import type { Running } from '../run.ts';
import { HOST } from './kind.ts';

/** Packets a second: slow enough that nothing is lost on the way. */
const RATE = 500;

const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
const MAC_BYTES = 6;

/** Time for the ports to be open, ms. */
const OPEN_MS = 10_000;

/**
 * Has the scanner send what a host once received, to the host that has its addresses now. Frames keep their kind: what
 * was for all stays for all.
 */
export async function play(lab: Lab, file: string, own: readonly string[]): Promise<void> {
  const mac = (node: string) => lab.mustExec(node, ['cat', '/sys/class/net/eth0/address']);
  const [to, from] = await Promise.all([mac(HOST), mac('scanner')]);
  const [inbound, addressed] = [join(lab.folder, 'inbound.pcap'), join(lab.folder, 'addressed.pcap')];
  const fromOthers = own.map((address) => `not src host ${address}`).join(' and ');
  const filter = `(ip or ip6) and ${fromOthers}`;
  await lab.mustExec('scanner', ['tcpdump', '-r', file, '-w', inbound, '-Z', 'root', filter]);
  await writeFile(addressed, readdress(await readFile(inbound), macBytes(to), macBytes(from)));
  await lab.mustExec('scanner', ['tcpreplay', '-q', '-i', 'eth0', `--pps=${RATE}`, addressed]);
}

const macBytes = (text: string): Buffer => Buffer.from(text.trim().replaceAll(':', ''), 'hex');

/** Other Ethernet addresses in a pcap file of this machine; tcprewrite would touch checksums that are wrong on purpose. */
function readdress(pcap: Buffer, to: Buffer, from: Buffer): Buffer {
  const copy = Buffer.from(pcap);
  for (let at = FILE_HEADER_BYTES; at + RECORD_HEADER_BYTES <= copy.length; ) {
    const frame = at + RECORD_HEADER_BYTES;
    const isForMany = ((copy[frame] ?? 0) & 1) === 1;
    if (!isForMany) to.copy(copy, frame);
    from.copy(copy, frame + MAC_BYTES);
    at = frame + copy.readUInt32LE(at + 8);
  }
  return copy;
}

/** Has the host serve what the host of the capture served. */
export async function serveAll(
  lab: Lab,
  ports: Readonly<Record<'tcp' | 'udp', readonly number[]>>,
): Promise<Running> {
  const script = `
    const { createServer } = require('node:net'), { createSocket } = require('node:dgram');
    const { tcp, udp } = JSON.parse(process.argv[1]);
    const open = [
      ...tcp.map((port) => createServer((s) => s.on('error', () => {}).resume()).listen(port, '::')),
      ...udp.map((port) => createSocket('udp6').bind(port, '::')),
    ];
    Promise.all(open.map((one) => new Promise((done) => one.once('listening', done)))).then(() => console.log('open'));
    setInterval(() => {}, 60_000);`;
  const free = ports.tcp.filter((port) => port !== 22 && port !== 80);
  const wanted = JSON.stringify({ tcp: free, udp: ports.udp });
  const running = lab.spawn(HOST, 'serves', [process.execPath, '-e', script, wanted]);
  await running.printed(/open/, OPEN_MS);
  return running;
}
