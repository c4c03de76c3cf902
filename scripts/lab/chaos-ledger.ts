import { capture } from './capture.ts';
import type { Sent } from './chaos-model.ts';
import type { Lab } from './lab.ts';

/** A record of the scans alone: of all that crosses the wire it would be too long. */
const SCANS = ['tcp', 'and', 'src', 'net', '198.18.0.0/15'];

/** What scanners put on the wire, by a capture there: neither who sent it nor any agent is asked. */
export type ScanRecord = { stop: () => Promise<Sent[]> };

export async function recordScans(lab: Lab): Promise<ScanRecord> {
  const record = await capture(
    (argv) => lab.spawn('wire', 'scans', [...argv, ...SCANS]),
    `${lab.folder}/scans.pcap`,
  );
  const hosts = new Map(lab.hosts.map(({ name, v4 }) => [v4, name]));
  return {
    stop: async () =>
      (await record.stop()).flatMap(({ from, to, tcp, atMs }) => {
        const host = hosts.get(to);
        return host === undefined || tcp?.flags !== 'S'
          ? []
          : [{ host, source: from, port: tcp.toPort, atMs }];
      }),
  };
}
