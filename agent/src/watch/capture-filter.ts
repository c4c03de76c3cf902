import { type Address, familyOf, mergePortRanges, type PortRange, type Transport } from '@picket/protocol';
import type { Listeners } from '../detect/gate.ts';
import { complement } from '../policy/derive.ts';
import { all, any, bits, hosts, IPV4, IPV6, type Layout, oneOf } from './capture-filter-terms.ts';

/** What a filter is made of. */
export interface FilterFacts {
  /** The host's addresses; with more than a filter can name, packets of all hosts pass. */
  readonly own: readonly Address[];
  readonly listeners: Listeners;
  /** TCP ports without a listener over which connections of this host run, as an NFS client's: no news in bulk. */
  readonly busy: ReadonlySet<number>;
  readonly ephemeral: PortRange;
  /** Ports that never count; of `ip` the protocols. */
  readonly ignored: Readonly<Record<Transport, readonly PortRange[]>>;
  readonly limits: FilterLimits;
}

/** What a system takes. */
export interface FilterLimits {
  /** Most gaps that a filter leaves out of a transport's ports; what has no room costs time, and the gate decides the same. */
  readonly gaps: number;
  /** Whether libpcap knows the word `sctp`. */
  readonly hasSctp: boolean;
}

/** Of Linux, whose kernel takes programs of 4,096 instructions (`BPF_MAXINSNS`), and of Solaris. */
export const ROOMY: FilterLimits = { gaps: 64, hasSctp: true };

/**
 * Of BSD kernels, which take 512 instructions (`BPF_MAXINSNS` of net/bpf.h). FreeBSD's libpcap filters for itself when
 * they refuse a program, but then every packet is copied.
 */
export const FREEBSD: FilterLimits = { gaps: 6, hasSctp: true };
export const OPENBSD: FilterLimits = { gaps: 6, hasSctp: false };

/** Most own addresses that a filter names. Each costs up to 16 instructions for IPv6. */
const MOST_ADDRESSES = 8;

/** Extension headers (IANA "IPv6 Extension Header Types") behind which a filter cannot look. */
const EXTENSION_HEADERS = [0, 43, 44, 51, 60, 135, 139, 140] as const;

/** TCP, UDP, SCTP and extension headers: protocols that have rules of their own. */
const READ = [6, 17, 132, ...EXTENSION_HEADERS].map((protocol): PortRange => [protocol, protocol]);

/**
 * The filter of a capture (pcap-filter(7)) that passes what the gate needs and little else, so that bulk traffic over
 * open ports costs nothing but the filter itself.
 *
 * In: SYNs, UDP and SCTP INITs to ports that nobody serves; flags that no stack sends, to any port; ACKs to ports that are
 * neither served nor ephemeral; the FIN of each connection, since it makes its client known (one packet a connection);
 * fragments of TCP and SCTP, whose flags may stand in the second one; watched IP protocols.
 * Out: what says whether a port is served: RST, SYN+ACK, ICMP unreachable, UDP from a port without a listener, SCTP's
 * answers.
 *
 * IPv6 with extension headers passes whole: `protochain` walks them with a loop that BSD kernels refuse and that keeps
 * libpcap from optimizing, and ordinary traffic to a host has none.
 */
export function captureFilter(facts: FilterFacts): string {
  const unused = unusedBy(facts);
  const isNamed = facts.own.length <= MOST_ADDRESSES;
  const ours = (family: 4 | 6) => facts.own.filter((address) => familyOf(address) === family);
  const [own4, own6] = [ours(4), ours(6)];
  const family = (layout: Layout, own: readonly Address[]) =>
    any(
      all(...hosts('dst', isNamed ? own : []), incoming(layout, unused)),
      all(...hosts('src', isNamed ? own : []), outgoing(layout, unused)),
    );
  return any(
    ...(own4.length > 0 ? [all('ip', family(IPV4, own4))] : []),
    ...(own6.length > 0 ? [all('ip6', family(IPV6, own6))] : []),
  );
}

/** Ports that are candidates, by what asks for them. */
interface Unused {
  readonly tcp: readonly PortRange[];
  readonly udp: readonly PortRange[];
  /** None where a filter cannot ask for it. */
  readonly sctp: readonly PortRange[];
  /** TCP ports on which leftovers count. */
  readonly weak: readonly PortRange[];
  readonly ip: readonly PortRange[];
}

function unusedBy({ listeners, ignored, ephemeral, busy, limits }: FilterFacts): Unused {
  const served = (transport: keyof Listeners) => [...singles(listeners[transport]), ...ignored[transport]];
  const others = (excluded: readonly PortRange[]) => outside(excluded, limits.gaps);
  return {
    tcp: others(served('tcp')),
    udp: others([...served('udp'), ephemeral]),
    sctp: limits.hasSctp ? others(served('sctp')) : [],
    weak: others([...served('tcp'), ...singles(busy), ephemeral]),
    ip: complement(mergePortRanges([ignored.ip, READ], Number.POSITIVE_INFINITY), 255),
  };
}

/** Flags as (mask, value): see TCP_FLAG of detect/technique.ts. */
const FLAGS = {
  syn: [0x17, 0x02],
  /** Neither SYN nor RST nor ACK: null, FIN, XMAS. */
  bare: [0x16, 0x00],
  synFin: [0x03, 0x03],
  synRst: [0x06, 0x06],
  /** ACK without RST. */
  ack: [0x14, 0x10],
  finAck: [0x17, 0x11],
  synAck: [0x12, 0x12],
  rst: [0x04, 0x04],
} as const;

/** Types of SCTP's chunks (RFC 9260 section 3.2): what opens an association, and what answers it. */
const CHUNKS = { in: [1, 10], out: [1, 2, 6, 11] } as const;

/** ICMP errors that say that nobody serves a port, type and code: see UNREACHABLE of detect/gate/answer.ts. */
const REFUSALS = {
  ip: ['icmp[0:2] = 0x0302', 'icmp[0:2] = 0x0303'],
  ip6: ['ip6[40:2] = 0x0104', 'ip6[40:2] = 0x0401'],
} as const;

/**
 * What stands first decides whether what cannot be read matters: a first fragment of 8 bytes ends before its flags, and a
 * program that reads beyond a packet refuses it, whatever would come after.
 */
function incoming(layout: Layout, { tcp, udp, sctp, weak, ip }: Unused): string {
  const { is, port, flags } = layout;
  const odd = [FLAGS.bare, FLAGS.synFin, FLAGS.synRst, FLAGS.finAck].map((pair) => bits(flags, pair));
  const asks = all(bits(flags, FLAGS.syn), oneOf(port.tcp, tcp));
  const leftover = all(bits(flags, FLAGS.ack), oneOf(port.tcp, weak));
  return any(
    unreadable(layout),
    all(is.tcp, any(asks, ...odd, leftover)),
    all(is.udp, oneOf(port.udp, udp)),
    ...chunks(layout, CHUNKS.in, sctp),
    oneOf(layout.protocol, ip, 255),
  );
}

function outgoing(layout: Layout, { udp, sctp, weak, ip }: Unused): string {
  const { is, source, flags } = layout;
  return any(
    all(is.tcp, any(bits(flags, FLAGS.rst), bits(flags, FLAGS.synAck), oneOf(source.tcp, weak))),
    all(is.udp, oneOf(source.udp, udp)),
    all(is.icmp, any(...REFUSALS[layout === IPV4 ? 'ip' : 'ip6'])),
    ...chunks(layout, CHUNKS.out, sctp.length === 0 ? [] : [[0, 65_535]]),
    oneOf(layout.protocol, ip, 255),
  );
}

/** What a filter cannot look into and the decoder can. */
function unreadable(layout: Layout): string {
  if (layout === IPV4) return all('ip[6:2] & 0x3fff != 0', any(layout.is.tcp, layout.is.sctp));
  return any(...EXTENSION_HEADERS.map((header) => `ip6[6] = ${header}`));
}

function chunks(
  { is, port, chunk }: Layout,
  types: readonly number[],
  ports: readonly PortRange[],
): string[] {
  if (ports.length === 0) return [];
  const isWanted = any(...types.map((type) => `${chunk} = ${type}`));
  return [all(is.sctp, isWanted, oneOf(port.sctp, ports))];
}

function singles(ports: Iterable<number>): PortRange[] {
  return [...ports].map((port): PortRange => [port, port]);
}

/** The ports outside the ranges. When there are too many ranges the widest stay out, and of equal ones the lowest. */
function outside(excluded: readonly PortRange[], most: number): PortRange[] {
  const width = ([from, to]: PortRange) => to - from;
  const gaps = mergePortRanges([excluded], Number.POSITIVE_INFINITY);
  const kept = gaps.sort((a, b) => width(b) - width(a) || a[0] - b[0]).slice(0, most);
  return complement(mergePortRanges([kept], most));
}
