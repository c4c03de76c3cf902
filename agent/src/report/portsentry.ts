import type { Address, PortRange, Technique, Transport } from '@picket/protocol';
import type { LiftedCounts } from '../agent-port.ts';
import type { Allowance } from '../control/allowances.ts';
import type { StanceNow } from '../control/stance.ts';

/**
 * PortSentry's words, letter by letter as version 1.2 wrote them (portsentry.c, portsentry_io.c, `ReportPacketType`),
 * because log readers of 25 years match on them. One exception: 1.2 put two spaces before `TCP NULL scan`; its
 * successors and all log readers have one. Where PortSentry had no words, ours keep its form.
 */
const SCANS: Readonly<Record<Technique, string>> = {
  connect: 'Connect',
  syn: 'TCP SYN/Normal scan',
  fin: 'TCP FIN scan',
  null: 'TCP NULL scan',
  xmas: 'TCP XMAS scan',
  'syn-fin': 'Unknown Type: TCP Packet Flags: SYN: 1 FIN: 1 ACK: 0 PSH: 0 URG: 0 RST: 0',
  'odd-flags': 'Unknown Type: TCP Packet Flags that no stack sends',
  maimon: 'Unknown Type: TCP Packet Flags: SYN: 0 FIN: 1 ACK: 1 PSH: 0 URG: 0 RST: 0',
  ack: 'Unknown Type: TCP Packet Flags: SYN: 0 FIN: 0 ACK: 1 PSH: 0 URG: 0 RST: 0',
  window: 'Unknown Type: TCP Packet Flags: SYN: 0 FIN: 0 ACK: 1 PSH: 0 URG: 0 RST: 0',
  udp: 'UDP scan',
  'sctp-init': 'SCTP INIT scan',
  'sctp-cookie-echo': 'SCTP COOKIE ECHO scan',
  'ip-protocol': 'IP protocol scan',
};

/** What a line about a probe tells. */
export interface ScanFacts {
  readonly technique: Technique;
  readonly transport: Transport;
  readonly address: Address;
  readonly port: number;
}

/** Host name and address, as PortSentry wrote them with RESOLVE_HOST off: a look-up would tell the scanner's DNS. */
const host = (address: Address): string => `${address}/${address}`;

/** `attackalert: TCP SYN/Normal scan from host: H/IP to TCP port: N` */
export function scanLine({ technique, transport, address, port }: ScanFacts): string {
  const target = transport === 'ip' ? `IP protocol: ${port}` : `${transport.toUpperCase()} port: ${port}`;
  return `attackalert: ${SCANS[technique]} from host: ${host(address)} to ${target}`;
}

/** What a line about a block in force tells. */
export interface BlockFacts {
  /** The source as it is blocked: an address, or a network of them. */
  readonly source: string;
  /** What refuses its packets, in words: `nftables`, … */
  readonly via: string;
  /** The command that does it, as one would type it. */
  readonly command: string;
}

/** `attackalert: Host IP has been blocked via … using command: "…"`: to be said only of a block that is in force. */
export function blockedLine({ source, via, command }: BlockFacts): string {
  return `attackalert: Host ${source} has been blocked via ${via} using command: "${command}"`;
}

/** `attackalert: External command run for host: IP using command: "…"`: to be said only of one that ended well. */
export function commandRunLine(address: Address, command: string): string {
  return `attackalert: External command run for host: ${address} using command: "${command}"`;
}

/** `attackalert: Host: H/IP is already blocked Ignoring` */
export function alreadyBlockedLine(address: Address): string {
  return `attackalert: Host: ${host(address)} is already blocked Ignoring`;
}

/** What PortSentry said when its configuration told it to watch only. */
export function ignoredLine(transport: Transport): string {
  return `attackalert: Ignoring ${transport.toUpperCase()} response per configuration file setting.`;
}

/** A block that ended; PortSentry's never did. */
export function unblockedLine(source: string, why: string): string {
  return `adminalert: Host ${source} is no longer blocked: ${why}`;
}

/** The end of a block that was told and not carried out. */
export function wouldUnblockLine(source: string, why: string): string {
  return `adminalert: Host ${source} would no longer be blocked: ${why}`;
}

/** What is carried out from now on; PortSentry always did or never. */
export function modeLine({ mode, untilMs, by }: StanceNow): string {
  if (mode === 'enforce') return 'adminalert: Hosts that scan are blocked from now on.';
  const whose = by === undefined ? '' : ` by ${by}`;
  const until = untilMs === undefined ? '' : ` until ${new Date(untilMs).toISOString()}`;
  const what = mode === 'paused' ? `Paused${whose}${until}` : `Observe mode${whose}${until}`;
  return `adminalert: ${what}: hosts that scan are told, and none is blocked.`;
}

/** A person lifted all blocks, or those of a network. */
export function liftedLine(by: string, { local, shared }: LiftedCounts, network?: string): string {
  return `adminalert: ${network === undefined ? 'All blocks' : `Blocks of ${network}`} lifted by ${by}: ${local} of this host, ${shared} of the network.`;
}

/** A source that crossed the threshold and is not blocked, since anybody can forge packets in its name. */
export function sparedLine(source: string, why: 'client' | 'muted' | 'unproven'): string {
  const words = {
    client: 'it is a client of this host, and its probes may be forged.',
    muted: 'it is a client of this host, and its probes may be forged; unused ports no longer answer it.',
    unproven: 'its probes may be forged, and the policy asks for a handshake.',
  };
  return `attackalert: Host ${source} is not blocked: ${words[why]}`;
}

/** One of the network's own hosts scans this one: it may have been taken over, or somebody sends packets in its name. */
export function siblingLine(address: Address): string {
  return `attackalert: Host: ${host(address)} is a host of this network and scans this one: NOT blocked, see what runs there!`;
}

/** Forgeable evidence has blocked too many sources to be believed, or is believed again. */
export function limitLine(isLimiting: boolean, perMinute: number): string {
  return isLimiting
    ? `adminalert: More than ${perMinute} new hosts a minute seem to scan: their addresses may be forged. No more of them are blocked for now.`
    : 'adminalert: Hosts that scan are blocked again.';
}

/** A person allowed a network for a while. */
export function allowedLine({ network, untilMs, by }: Allowance, isTakenBack: boolean): string {
  const what = isTakenBack ? 'is no longer allowed' : `is allowed until ${new Date(untilMs).toISOString()}`;
  return `adminalert: ${network} ${what}, by ${by}`;
}

/** Probes of which nothing more is known. */
export function lostLine(count: number): string {
  return `adminalert: and ${count} probes more that could not be read`;
}

/** Lines left out because one source wrote too many. */
export function moreLine(address: Address, count: number): string {
  return `attackalert: and ${count} more from host: ${host(address)}`;
}

/** Lines left out of many sources, or that the system log did not take. */
export function leftOutLine(count: number, why: string): string {
  return `adminalert: and ${count} more lines that ${why}`;
}

/** Ports that PortSentry's start messages name one by one; a longer list is told in ranges. */
const MAX_SINGLE_PORTS = 100;

/** The transports that PortSentry knew. */
type PortsByTransport = Readonly<Record<'tcp' | 'udp', readonly PortRange[]>>;

/** Start messages of the engines that see unused ports by themselves: what is left alone. */
export function stealthStartLines(ignored: PortsByTransport): string[] {
  const words = 'adminalert: Advanced Stealth scan detection mode activated. Ignored';
  return eachPort(ignored).map(([transport, port]) => `${words} ${transport} port: ${port}`);
}

/** Start messages of the engine that binds ports: which. */
export function connectStartLines(bound: PortsByTransport): string[] {
  return eachPort(bound).map(
    ([transport, port]) => `adminalert: Going into listen mode on ${transport} port: ${port}`,
  );
}

/** The last start message: from here on probes are seen. */
export const ACTIVE_LINE = 'adminalert: PortSentry is now active and listening.';

function eachPort(ports: PortsByTransport): [string, string][] {
  return (['tcp', 'udp'] as const).flatMap((transport) =>
    portTexts(ports[transport]).map((text): [string, string] => [transport.toUpperCase(), text]),
  );
}

function portTexts(ranges: readonly PortRange[]): string[] {
  const count = ranges.reduce((sum, [from, to]) => sum + to - from + 1, 0);
  if (count > MAX_SINGLE_PORTS)
    return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`));
  return ranges.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, i) => `${from + i}`));
}
