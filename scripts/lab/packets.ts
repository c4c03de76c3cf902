/** A packet as tcpdump tells it, as far as the lab asks. */
export type Packet = {
  /** When the wire saw it, Unix ms with microseconds as fraction. */
  atMs: number;
  from: string;
  to: string;
  /** TCP only. */
  tcp?: { fromPort: number; toPort: number; flags: string; seq?: number; ack?: number };
};

const LINE = /^(\d+\.\d+) IP6? (\S+) > (\S+): (.*)$/;
const FLAGS = /^Flags \[([^\]]*)\](?:, cksum [^,]+)?(?:, seq (\d+)(?::\d+)?)?(?:, ack (\d+))?/;

/** Reads the text of `tcpdump -n -tt -S`; lines that are no IP packet are left out. */
export function parsePackets(text: string): Packet[] {
  return text.split('\n').flatMap((line) => parseLine(line) ?? []);
}

function parseLine(line: string): Packet | undefined {
  const [, seconds, from = '', to = '', rest = ''] = LINE.exec(line) ?? [];
  if (seconds === undefined) return undefined;
  const atMs = Number(seconds) * 1000;
  const match = FLAGS.exec(rest);
  if (match === null) return { atMs, from, to };
  const [, flags = '', seq, ack] = match;
  const [source, target] = [splitPort(from), splitPort(to)];
  const numbers = { ...(seq && { seq: Number(seq) }), ...(ack && { ack: Number(ack) }) };
  const tcp = { fromPort: source.port, toPort: target.port, flags, ...numbers };
  return { atMs, from: source.address, to: target.address, tcp };
}

/** tcpdump joins address and port by a dot, for IPv6 too. */
function splitPort(text: string): { address: string; port: number } {
  const dot = text.lastIndexOf('.');
  return { address: text.slice(0, dot), port: Number(text.slice(dot + 1)) };
}
