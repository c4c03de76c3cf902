import { formatPortRanges, portRanges } from '@picket/protocol';
import type { Threshold } from '../detect/bucket.ts';
import type { Counts, Replay } from './replay.ts';
import type { Contact, Trip } from './trips.ts';

/** Most characters of the list of ports in a line. */
const PORTS_WIDTH = 48;

/** A replay for people: a line for each source that would have tripped, then what all rests on. */
export function renderReplay(replay: Replay, threshold: Threshold): string {
  const { trips, counts } = replay;
  const rows = trips.map((trip) => row(trip, threshold));
  const more = counts.trips - trips.length;
  const head = ['TIME (UTC)', 'SOURCE', 'TECHNIQUES', 'WHAT COUNTED', 'RULE', 'BLOCKED'];
  return [
    ...(rows.length === 0 ? ['Nothing would have tripped.'] : columns([head, ...rows])),
    ...(more > 0 ? [`and ${more} more`] : []),
    '',
    ...basis(replay),
    '',
  ].join('\n');
}

function row(trip: Trip, threshold: Threshold): string[] {
  const { atMs, untilMs, source, techniques, contacts, after } = trip;
  const blocked = `${duration(untilMs - atMs)}${after > 0 ? `, ${after} more probes in it` : ''}`;
  return [timeOf(atMs), source, techniques.join(','), portsOf(contacts), reason(trip, threshold), blocked];
}

function reason({ rule }: Trip, { ports, client_ports, weak_ports, window }: Threshold): string {
  const within = `in ${duration(window)}`;
  if (rule === 'tripwire') return 'tripwire port';
  if (rule === 'weak') return `weak: ${weak_ports} ports ${within}`;
  return rule === 'client' ? `client: ${client_ports} ports ${within}` : `${ports} ports ${within}`;
}

/** Ports by transport, with the address where several of the host were tried. */
function portsOf(contacts: readonly Contact[]): string {
  const isOne = new Set(contacts.map(({ localAddress }) => localAddress)).size === 1;
  const groups = new Map<string, number[]>();
  for (const { transport, port, localAddress } of contacts) {
    const name = isOne ? transport : `${localAddress} ${transport}`;
    groups.set(name, [...(groups.get(name) ?? []), port]);
  }
  const text = [...groups].map(([name, list]) => `${name} ${formatPortRanges(portRanges(list))}`).join('; ');
  return text.length > PORTS_WIDTH ? `${text.slice(0, PORTS_WIDTH - 1)}…` : text;
}

function basis({ file, firstAtMs, lastAtMs, own, open, counts, cut }: Replay): string[] {
  const span =
    firstAtMs === undefined || lastAtMs === undefined
      ? ''
      : `, ${timeOf(firstAtMs)} to ${timeOf(lastAtMs)} UTC`;
  const ports = (['tcp', 'udp', 'sctp'] as const)
    .filter((transport) => open[transport].length > 0)
    .map((transport) => `${transport} ${formatPortRanges(portRanges(open[transport]))}`);
  return [
    `file:      ${file}${span}`,
    ...(cut === undefined ? [] : [`cut:       ${cut}; what was read until then is told`]),
    `own:       ${own.addresses.length === 0 ? 'none' : own.addresses.join(', ')} (${own.how})`,
    `open:      ${ports.length === 0 ? 'none' : ports.join('; ')} (given, or answered)`,
    `packets:   ${counts.packets} in ${counts.frames} frames`,
    `probes:    ${counts.probes} of ${counts.hasMoreSources ? 'at least ' : ''}${counts.sources} sources, ${counts.trips} trips`,
    `skipped:   ${skipped(counts)}`,
  ];
}

function skipped({ skipped: why, passedOver, forgotten }: Counts): string {
  const told = {
    'bad checksum': why['bad-checksum'],
    'not to an own address': why['not-own'],
    'from an own address': why['own-source'],
    'ignored port': why['ignored-port'],
    'ignored interface': why['ignored-interface'],
    'probe of an allowed source': why.allowed,
    'not IP': passedOver.notIp,
    malformed: passedOver.malformed,
    'incomplete fragments': passedOver.fragments,
    'forgotten for want of room': forgotten,
  };
  const parts = Object.entries(told).filter(([, count]) => count > 0);
  return parts.length === 0 ? 'nothing' : parts.map(([name, count]) => `${count} ${name}`).join(', ');
}

/** Cells side by side, each column as wide as its widest. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((cells) => cells[i]?.length ?? 0)));
  return rows.map((cells) =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function timeOf(atMs: number): string {
  return new Date(atMs).toISOString().replace('T', ' ').replace('Z', '');
}

/** A duration as a policy writes it. */
function duration(ms: number): string {
  const units = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000 };
  const [unit, size] = Object.entries(units).find(([, unitMs]) => ms % unitMs === 0) ?? ['ms', 1];
  return `${ms / size}${unit}`;
}
