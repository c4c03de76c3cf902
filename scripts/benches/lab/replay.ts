import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pcap } from '../../lab/frames.ts';
import type { Lab } from '../../lab/lab.ts';
import type { Running } from '../../lab/run.ts';

/** MAC address of a node's interface on the wire. */
export async function macOf(lab: Lab, node: string, device = 'eth0'): Promise<string> {
  return (await lab.mustExec(node, ['cat', `/sys/class/net/${device}/address`])).trim();
}

/** How frames are sent: so many a second, all of them `loops` times. */
export type Sending = { perSecond: number; name: string; loops?: number };

/** Sends frames from a node, so many a second, and waits for the end. */
export async function sendFrames(
  lab: Lab,
  from: string,
  frames: readonly Buffer[],
  how: Sending,
): Promise<void> {
  await lab.mustExec(from, await replayArgv(lab, frames, how));
}

/** As `sendFrames`, and does not wait. */
export async function startFrames(
  lab: Lab,
  from: string,
  frames: readonly Buffer[],
  how: Sending,
): Promise<Running> {
  return lab.spawn(from, how.name, await replayArgv(lab, frames, how));
}

async function replayArgv(
  lab: Lab,
  frames: readonly Buffer[],
  { perSecond, name, loops = 1 }: Sending,
): Promise<string[]> {
  const file = join(lab.folder, `${name}.pcap`);
  await writeFile(file, pcap(frames));
  return ['tcpreplay', '-q', '-i', 'eth0', `--pps=${perSecond}`, '--preload-pcap', `--loop=${loops}`, file];
}
