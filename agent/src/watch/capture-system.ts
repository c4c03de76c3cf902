import type { PortRange } from '@picket/protocol';
import type { ReadListeners } from '../host/listeners.ts';
import { openbsdListeners, sunosListeners } from '../host/listeners-netstat.ts';
import { procfsListeners } from '../host/listeners-procfs.ts';
import { sockstatListeners } from '../host/listeners-sockstat.ts';
import type { Runner } from '../run/runner.ts';
import { type FilterLimits, FREEBSD, OPENBSD, ROOMY } from './capture-filter.ts';

/** How packets are captured, and what is open is learnt, on one kind of system. */
export interface CaptureSystem {
  /** The command that captures. */
  readonly program: 'tcpdump' | 'snoop';
  /** The command line of a capture; what is captured goes to its standard output at once. */
  readonly argv: (interfaceName: string, filter: string) => readonly [string, ...string[]];
  /** An interface that stands for all of them, where there is one. */
  readonly anyInterface?: string;
  readonly limits: FilterLimits;
  readonly listeners: (run: Runner) => ReadListeners;
  /** Least time between the beginnings of two looks at the listeners, ms. */
  readonly lookEveryMs: number;
  /** Prints the first and last ephemeral port; procfs tells where there is no command. */
  readonly ephemeral?: readonly [string, ...string[]];
}

/**
 * Bytes kept of a packet: a cooked link header, an IPv6 header with extension headers, the ICMPv6 header, and of what it
 * quotes again an IPv6 header with extension headers and the ports. TCP options are not needed, checksums of longer packets
 * stay unknown.
 */
const SNAP_BYTES = 256;

/** Kernel buffer, KiB (tcpdump -B): some 10,000 packets, a tenth of a second of a flood. */
const BUFFER_KIB = 4_096;

/**
 * Without promiscuous mode, since what is for others is no news; each packet at once, where libpcap would wait for a
 * buffer to fill.
 */
function tcpdump(...more: readonly string[]): CaptureSystem['argv'] {
  return (interfaceName, filter) => [
    ...(['tcpdump', '-i', interfaceName, ...more] as const),
    ...['-p', '-n', '-s', `${SNAP_BYTES}`, '-B', `${BUFFER_KIB}`, '-U', '--immediate-mode'],
    ...['-w', '-', filter],
  ];
}

/**
 * Linux: one capture over all interfaces.
 *
 * @param linkType `LINUX_SLL2` where libpcap is 1.10 or later
 */
export function linuxCapture(linkType: 'LINUX_SLL2' | 'LINUX_SLL'): CaptureSystem {
  const [each, all] = [tcpdump(), tcpdump('-y', linkType)];
  return {
    program: 'tcpdump',
    anyInterface: 'any',
    argv: (name, filter) => (name === 'any' ? all : each)(name, filter),
    limits: ROOMY,
    listeners: procfsListeners,
    lookEveryMs: 5,
  };
}

/** FreeBSD, with the tcpdump of its base system. */
export const FREEBSD_CAPTURE: CaptureSystem = {
  program: 'tcpdump',
  argv: tcpdump(),
  limits: FREEBSD,
  listeners: sockstatListeners,
  lookEveryMs: 500,
  ephemeral: ['sysctl', '-n', 'net.inet.ip.portrange.first', 'net.inet.ip.portrange.last'],
};

/**
 * OpenBSD, whose tcpdump is its own: it writes without a buffer, but reads what the kernel has gathered for up to a second
 * (`priv_pcap_live` in usr.sbin/tcpdump/tcpdump.c), and knows neither -B nor -U nor --immediate-mode.
 */
export const OPENBSD_CAPTURE: CaptureSystem = {
  program: 'tcpdump',
  argv: (name, filter) => ['tcpdump', '-i', name, '-p', '-n', '-s', `${SNAP_BYTES}`, '-w', '-', filter],
  limits: OPENBSD,
  listeners: openbsdListeners,
  lookEveryMs: 500,
  ephemeral: ['sysctl', '-n', 'net.inet.ip.portfirst', 'net.inet.ip.portlast'],
};

const SUNOS: Omit<CaptureSystem, 'program' | 'argv'> = {
  limits: ROOMY,
  listeners: sunosListeners,
  lookEveryMs: 500,
  ephemeral: [
    'ipadm',
    'show-prop',
    '-c',
    '-o',
    'current',
    '-p',
    'smallest_anon_port,largest_anon_port',
    'udp',
  ],
};

/** Solaris and illumos where tcpdump is installed. */
export const SUNOS_TCPDUMP: CaptureSystem = { ...SUNOS, program: 'tcpdump', argv: tcpdump() };

/**
 * Solaris and illumos with snoop(8), which is always there. Its filter language is another one; all IP packets pass, and
 * the gate alone decides: bulk traffic costs.
 */
export const SUNOS_SNOOP: CaptureSystem = {
  ...SUNOS,
  program: 'snoop',
  argv: (name) => ['snoop', '-q', '-r', '-P', '-d', name, '-s', `${SNAP_BYTES}`, '-o', '-', 'ip or ip6'],
};

/** First and last ephemeral port of what a command printed; undefined when it is no pair of ports. */
export function ephemeralOf(text: string): PortRange | undefined {
  const [first, last, ...more] = (text.match(/\d+/g) ?? []).map(Number);
  const isRange = first !== undefined && last !== undefined && more.length === 0;
  return isRange && first <= last && last <= 65_535 ? [first, last] : undefined;
}
