import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { frame, type Head, pcap, tcp } from '../frames.ts';
import type { Lab } from '../lab.ts';

/** Packets that look as if an address had sent them: SYNs to unused ports, one each. */
export interface Forgery {
  readonly from: string;
  readonly ports: readonly number[];
}

/** Longest that sending may take, ms. */
const SENDING_MS = 180_000;

/** Has the scanner send packets in the names of others to a host, so many a second. */
export async function forge(
  lab: Lab,
  host: string,
  forgeries: readonly Forgery[],
  perSecond: number,
): Promise<void> {
  const { v4, v6 } = lab.node(host);
  const toMac = (await lab.mustExec(host, ['cat', '/sys/class/net/eth0/address'])).trim();
  const head = (from: string): Head => {
    return { fromMac: '02:00:00:00:00:00', toMac, from, to: from.includes(':') ? v6 : v4 };
  };
  const file = join(lab.folder, 'forged.pcap');
  const frames = forgeries.flatMap(({ from, ports }) =>
    ports.map((port) => frame(head(from), tcp(40_000, port))),
  );
  await writeFile(file, pcap(frames));
  await lab.mustExec('scanner', ['tcpreplay', '-q', '-i', 'eth0', '--pps', `${perSecond}`, file], {
    timeoutMs: SENDING_MS,
  });
}

/** Four ports, as many as the default policy lets nobody ask for; other ones for each source. */
const fourPorts = (i: number): number[] => [0, 1, 2, 3].map((n) => 1_024 + ((4 * i + n) % 20_000));

/**
 * So many sources, each of which trips: by turns IPv4 addresses of 198.18.0.0/15 (RFC 2544, 131,072 of them) and IPv6
 * addresses, each of a /64 of its own.
 */
export function strangers(count: number): Forgery[] {
  return Array.from({ length: count }, (_, i) => {
    const n = i >>> 1;
    const v4 = `198.${18 + (n >>> 16)}.${(n >>> 8) & 255}.${n & 255}`;
    const v6 = `2001:db8:${(0x8000 + (n >>> 16)).toString(16)}:${(n & 0xffff).toString(16)}::1`;
    return { from: i % 2 === 0 ? v4 : v6, ports: fourPorts(i) };
  });
}

/** Strews what is forged in some names evenly among the rest. */
export function among(crowd: readonly Forgery[], names: readonly string[], times: number): Forgery[] {
  const every = Math.max(1, Math.floor(crowd.length / times));
  return crowd.flatMap((forgery, i) => {
    if (i % every !== 0) return [forgery];
    const port = 30_000 + Math.floor(i / every);
    return [forgery, ...names.map((from) => ({ from, ports: [port] }))];
  });
}
