import { type Packet, parsePackets } from './packets.ts';
import { mustExec, type Running } from './run.ts';
import { BRIDGE } from './topology.ts';

/** A record of the wire, made by tcpdump outside every node. */
export type Capture = {
  file: string;
  /** What was recorded so far, oldest first. */
  packets: () => Promise<Packet[]>;
  /** Ends the recording. Throws when the kernel dropped packets: such a record proves nothing. */
  stop: () => Promise<Packet[]>;
};

/** Time for tcpdump to begin, ms. */
const BEGIN_MS = 10_000;

/** Bytes kept of each packet: headers, and the start of what an ICMP error quotes. */
const SNAP_BYTES = 128;

/** Kernel buffer, KiB (tcpdump -B): 10,000 packets a second for seconds. */
const BUFFER_KIB = 16_384;

/** Starts a capture. `spawn` runs tcpdump on the wire. */
export async function capture(spawn: (argv: string[]) => Running, file: string): Promise<Capture> {
  const options = ['-s', `${SNAP_BYTES}`, '-B', `${BUFFER_KIB}`, '-Z', 'root', '--immediate-mode', '-U'];
  const tcpdump = spawn(['tcpdump', '-i', BRIDGE, '-n', ...options, '-w', file]);
  await tcpdump.printed(/listening on/, BEGIN_MS);
  // -S: absolute sequence numbers, without which a probe and its answer cannot be paired.
  const packets = async () => parsePackets(await mustExec(['tcpdump', '-r', file, '-n', '-tt', '-S']));
  return {
    file,
    packets,
    stop: async () => {
      await tcpdump.kill('SIGINT');
      const [, dropped] = /(\d+) packets? dropped by kernel/.exec(await tcpdump.output()) ?? [];
      if (dropped !== '0')
        throw new Error(`the capture ${file} lost ${dropped ?? 'an unknown number of'} packets`);
      return packets();
    },
  };
}
