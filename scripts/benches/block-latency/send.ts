import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { frame, pcap, tcp } from '../../lab/frames.ts';
import type { Lab } from '../../lab/lab.ts';
import type { Packet } from '../../lab/packets.ts';
import { macOf } from '../lab/replay.ts';
import { VICTIM } from '../lab/victim.ts';
import type { Send } from './plan.ts';

const SEND_AT = join(import.meta.dirname, 'send-at.pl');

/** Time that all but the sending may take, ms. */
const MORE_MS = 60_000;

/** Sends SYNs at their times from the scanner's wire, and returns what the wire saw. */
export async function sendAndRecord(lab: Lab, sends: readonly Send[], name: string): Promise<Packet[]> {
  const [fromMac, toMac] = await Promise.all([macOf(lab, 'scanner'), macOf(lab, VICTIM)]);
  const to = lab.node(VICTIM).v4;
  const frames = sends.map(({ from, fromPort, toPort }) =>
    frame({ fromMac, toMac, from, to }, tcp(fromPort, toPort)),
  );
  const file = join(lab.folder, `${name}.pcap`);
  const times = sends.map(({ atUs }) => atUs);
  await writeFile(file, pcap(frames, times));
  const wire = await lab.capture(`wire-${name}`);
  const argv = ['perl', SEND_AT, 'eth0', file];
  const lastsMs = Math.ceil((times.at(-1) ?? 0) / 1_000);
  await lab.mustExec('scanner', argv, { timeoutMs: lastsMs * 2 + MORE_MS });
  return wire.stop();
}
