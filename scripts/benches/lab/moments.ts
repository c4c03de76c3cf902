import { mustExec } from '../../lab/run.ts';

/** When a source's packets came by on the wire, and when they passed all rules; Unix ms, oldest first. */
export type Moments = { arrivedMs: number[]; passedMs: number[] };

const LINE = /^(\d+\.\d+) IP6? (\S+) > \S+: (.*)$/;

/** Resets answer the host's answers; neighbours must ask for each other. Neither is sent by a scan. */
const NO_PROBE = /Flags \[R|ICMP6, (neighbor|router)/;

/** Reads both captures; the one of passed packets is of NFLOG records, that of the wire of Ethernet frames. */
export async function readMoments(wire: string, passed: string, source: string): Promise<Moments> {
  const read = async (file: string) =>
    momentsOf(await mustExec(['tcpdump', '-r', file, '-n', '-tt', '-S']), source);
  return { arrivedMs: await read(wire), passedMs: await read(passed) };
}

/** Times of a source's packets in the text of `tcpdump -n -tt`. `source` is an address, or a prefix like `2001:db8::/64`. */
export function momentsOf(text: string, source: string): number[] {
  const prefix = source.replace(/::\/\d+$/, ':');
  const isSource = (address: string) =>
    prefix === source ? address === source || address.startsWith(`${source}.`) : address.startsWith(prefix);
  return text.split('\n').flatMap((line) => {
    const [, seconds, from = '', rest = ''] = LINE.exec(line) ?? [];
    return seconds !== undefined && isSource(from) && !NO_PROBE.test(rest) ? [Number(seconds) * 1000] : [];
  });
}

/**
 * From the first packet to the block in force, ms: to the first packet that came after the last one that passed.
 * Undefined when the last packet of all passed, or when there was none. It overstates by at most the time between two
 * packets.
 */
export function blockMs({ arrivedMs, passedMs }: Moments): number | undefined {
  const [first] = arrivedMs;
  const last = passedMs.at(-1) ?? Number.NEGATIVE_INFINITY;
  const refused = arrivedMs.find((atMs) => atMs > last);
  if (first === undefined || refused === undefined) return undefined;
  return Math.round((refused - first) * 100) / 100;
}
