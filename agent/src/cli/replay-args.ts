import { parseArgs } from 'node:util';
import { type Address, type PortRange, parseAddress, parsePortRanges } from '@picket/protocol';

const SERVICES = ['tcp', 'udp', 'sctp'] as const;

/** What `picket-agent replay` is asked for. */
export interface ReplayCall {
  readonly command: 'replay';
  readonly config: string;
  readonly file: string;
  readonly own: readonly Address[] | undefined;
  readonly open: Readonly<Record<(typeof SERVICES)[number], readonly number[]>>;
  readonly ephemeral: PortRange;
  readonly json: boolean;
}

/** Local ephemeral ports of a captured host, when it is not said: Linux's (ip-sysctl, `ip_local_port_range`). */
const LINUX_EPHEMERAL: PortRange = [32_768, 60_999];

/** The part of `picket-agent help` that tells of replay. */
export const REPLAY_USAGE = `  picket-agent replay FILE
    FILE: a capture as tcpdump (pcap, pcapng) or snoop writes it. Says what
    would have tripped, when and why; changes nothing, needs no privilege.
    Status 1 when the file could not be read to its end.

  --own ADDRESS[,...]   the captured host's addresses; else found in FILE
  --open tcp/22,udp/53  ports served, beside those that answer in FILE
  --ephemeral FROM-TO   its ephemeral ports; default: ${LINUX_EPHEMERAL.join('-')}
  --json                for programs
`;

const OPTIONS = {
  config: { type: 'string' },
  own: { type: 'string', multiple: true },
  open: { type: 'string', multiple: true },
  ephemeral: { type: 'string' },
  json: { type: 'boolean' },
} as const;

type Outcome<T> = ({ ok: true } & T) | { ok: false; reason: string };

/** Reads the arguments after `replay`. */
export function parseReplay(args: readonly string[], defaultConfig: string): Outcome<{ call: ReplayCall }> {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    return refuse((error as Error).message);
  }
  const { values, positionals } = parsed;
  const [file, ...more] = positionals;
  if (file === undefined) return refuse('which capture file?');
  if (more.length > 0) return refuse(`unexpected "${more.join(' ')}"; one file at a time`);
  if (file === '-') return refuse('the file is read twice, so it cannot come from standard input');
  const own = parseOwn(listed(values.own));
  const open = parseOpen(listed(values.open));
  const ephemeral = parseEphemeral(values.ephemeral);
  if (!own.ok) return own;
  if (!open.ok) return open;
  if (!ephemeral.ok) return ephemeral;
  const { config = defaultConfig, json = false } = values;
  const known = { own: own.own, open: open.open, ephemeral: ephemeral.range };
  return { ok: true, call: { command: 'replay', config, file, ...known, json } };
}

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true, strict: true });
}

function refuse(reason: string): { ok: false; reason: string } {
  return { ok: false, reason: `replay: ${reason}` };
}

function listed(values: readonly string[] = []): string[] {
  return values.flatMap((value) => value.split(',')).filter((value) => value !== '');
}

function parseOwn(texts: readonly string[]): Outcome<{ own: Address[] | undefined }> {
  const wrong = texts.find((text) => parseAddress(text) === undefined);
  if (wrong !== undefined) return refuse(`--own "${wrong}": must be an address`);
  const own = texts.flatMap((text) => parseAddress(text) ?? []);
  return { ok: true, own: own.length === 0 ? undefined : own };
}

function parseOpen(texts: readonly string[]): Outcome<{ open: ReplayCall['open'] }> {
  const open: Record<(typeof SERVICES)[number], number[]> = { tcp: [], udp: [], sctp: [] };
  for (const text of texts) {
    const [name, ports = ''] = text.split('/');
    const transport = SERVICES.find((known) => known === name);
    const ranges = parsePortRanges(ports);
    if (transport === undefined || ranges === undefined)
      return refuse(`--open "${text}": must be like tcp/22, udp/53 or tcp/8000-8010`);
    for (const [from, to] of ranges) for (let port = from; port <= to; port++) open[transport].push(port);
  }
  return { ok: true, open };
}

function parseEphemeral(text: string | undefined): Outcome<{ range: PortRange }> {
  if (text === undefined) return { ok: true, range: LINUX_EPHEMERAL };
  const [range, ...more] = parsePortRanges(text) ?? [];
  if (range === undefined || more.length > 0)
    return refuse(`--ephemeral "${text}": must be like 49152-65535`);
  return { ok: true, range };
}
