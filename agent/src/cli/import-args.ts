import { parseArgs } from 'node:util';
import { TCP_MODES, UDP_MODES } from '../policy/import/mode.ts';

/** What `picket-agent import` is asked for. */
export interface ImportCall {
  readonly command: 'import';
  readonly conf: string;
  /** Ignore lists, and Debian's /etc/default/portsentry: told apart by what they hold. */
  readonly more: readonly string[];
  readonly out: string | undefined;
  readonly force: boolean;
  readonly tcpMode: string | undefined;
  readonly udpMode: string | undefined;
  readonly interfaces: readonly string[];
}

/** The part of `picket-agent help` that tells of import. */
export const IMPORT_USAGE = `  picket-agent import /etc/portsentry/portsentry.conf [FILE...]
    FILE: portsentry.ignore, portsentry.ignore.static, /etc/default/portsentry.
    Without one, those that portsentry.conf names or Debian has are read.
    Prints picket.toml; what was not understood, what is different and what
    is left out stands at its end and on standard error. Status 1 when there
    was something that it did not understand.

  --out FILE            write there; --force: even over a file that is there
  --tcp-mode MODE       how PortSentry ran: ${TCP_MODES.join(', ')}
  --udp-mode MODE       the same: ${UDP_MODES.join(', ')}
  --interface NAME      PortSentry 2.x's option; may be repeated
`;

const OPTIONS = {
  out: { type: 'string' },
  force: { type: 'boolean' },
  'tcp-mode': { type: 'string' },
  'udp-mode': { type: 'string' },
  interface: { type: 'string', multiple: true },
} as const;

/** Reads the arguments after `import`. */
export function parseImport(
  args: readonly string[],
): { ok: true; call: ImportCall } | { ok: false; reason: string } {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    return { ok: false, reason: `import: ${(error as Error).message}` };
  }
  const { values, positionals } = parsed;
  const [conf, ...more] = positionals;
  if (conf === undefined)
    return { ok: false, reason: 'import: which portsentry.conf? usually /etc/portsentry/portsentry.conf' };
  const { out, force = false, 'tcp-mode': tcpMode, 'udp-mode': udpMode, interface: interfaces = [] } = values;
  const wrong =
    notOneOf('--tcp-mode', tcpMode, TCP_MODES) ??
    notOneOf('--udp-mode', udpMode, UDP_MODES) ??
    notNames(interfaces);
  if (wrong !== undefined) return { ok: false, reason: `import: ${wrong}` };
  return { ok: true, call: { command: 'import', conf, more, out, force, tcpMode, udpMode, interfaces } };
}

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true, strict: true });
}

function notOneOf(option: string, value: string | undefined, allowed: readonly string[]): string | undefined {
  if (value === undefined || allowed.includes(value)) return undefined;
  return `${option} "${value}": must be one of ${allowed.join(', ')}`;
}

/** `policy.capture.interfaces` takes no other names, and no more. */
function notNames(interfaces: readonly string[]): string | undefined {
  if (interfaces.length > 64) return '--interface: at most 64';
  const wrong = interfaces.find((name) => !/^[A-Za-z0-9._:@-]{1,31}$/.test(name));
  return wrong === undefined ? undefined : `--interface "${wrong}": must be an interface name like "eth0"`;
}
