import { join } from 'node:path';
import type { Lab } from '../lab.ts';

/** Time for tcpdump to begin, ms. */
const BEGIN_MS = 10_000;

/** Records what a node's interface sees, both directions and whole packets. `stop` gives the file. */
export async function record(lab: Lab, node: string, name: string, options: readonly string[] = []) {
  const file = join(lab.folder, `${name}.pcap`);
  const argv = [
    'tcpdump',
    '-i',
    'eth0',
    '-n',
    '-s',
    '0',
    '-B',
    '8192',
    '-Z',
    'root',
    '--immediate-mode',
    '-U',
  ];
  const tcpdump = lab.spawn(node, `record-${name}-${performance.now()}`, [...argv, ...options, '-w', file]);
  await tcpdump.printed(/listening on/, BEGIN_MS);
  return {
    stop: async (): Promise<string> => {
      await tcpdump.kill('SIGINT');
      return file;
    },
  };
}
