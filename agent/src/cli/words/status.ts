import type { Status } from '../../control/messages.ts';
import { printable } from '../../report/log.ts';
import { stanceWords } from './stance.ts';
import { spanWords, timeWords } from './time.ts';

/** Offsets below are the noise of the measurement, ms. */
const CLOCK_NOISE_MS = 2_000;

/** Ports written out of each transport. */
const MAX_PORTS = 30;

/** The status for people, a line each. Words of the collector and the system are made harmless. */
export function statusLines(status: Status): string[] {
  const { figures, uplink, nowMs, version, pid, startedAtMs } = status;
  const rows: (readonly [string, string])[] = [
    ['agent', `${version}, process ${pid}, up ${spanWords(nowMs - startedAtMs)}`],
    ['engine', status.engine],
    ['firewall', status.enforces ? status.firewall : `${status.firewall} (refuses nothing now)`],
    ['mode', stanceWords(status.stance, nowMs)],
    ...listenerRows(status),
    ['sources', `${figures.sources} tracked, ${figures.sourcesForgotten} forgotten for want of room`],
    ['blocks', `${figures.localBlocks} local, ${figures.sharedBlocks} of the network${liftedWords(figures)}`],
    ...(figures.isLimiting
      ? [['limit', 'too many new sources to be true: forgeable evidence blocks nobody for now'] as const]
      : []),
    ...figures.allowances.map(
      ({ network, untilMs, by }) => ['allowed', `${network} until ${timeWords(untilMs)}, by ${by}`] as const,
    ),
    ['dropped', `${figures.packetsDropped} packets by the local blocks that run`],
    ['lost', `${figures.probesLost} probes`],
    ...uplinkRows(uplink, nowMs),
  ];
  return rows.map(([name, value]) => `${`${name}:`.padEnd(11)}${printable(value)}`);
}

function liftedWords({ sharedLifted }: Status['figures']): string {
  return sharedLifted === 0 ? '' : `, ${sharedLifted} of the network lifted here until their end`;
}

function listenerRows({ listeners }: Status): [string, string][] {
  if (listeners === undefined) return [];
  const transports = [...new Set(listeners.map(({ transport }) => transport))].sort();
  const words = transports.map((transport) => {
    const open = listeners.filter((each) => each.transport === transport).map(({ port }) => port);
    const ports = [...new Set(open)].sort((a, b) => a - b);
    const more = ports.length > MAX_PORTS ? ` and ${ports.length - MAX_PORTS} more` : '';
    return `${transport} ${ports.slice(0, MAX_PORTS).join(' ')}${more}`;
  });
  return [['listeners', words.join('; ') || 'none']];
}

function uplinkRows(uplink: Status['uplink'], nowMs: number): [string, string][] {
  if (!uplink.isEnrolled) return [['network', `none: ${uplink.pushFault ?? 'this host runs alone'}`]];
  const { lastContactMs: at, spool, clockOffsetMs: offset } = uplink;
  const contact =
    at === undefined ? 'not since the start' : `${timeWords(at)} (${spanWords(nowMs - at)} ago)`;
  const faults = [...new Set([uplink.pushFault, uplink.pullFault])].filter((why) => why !== undefined);
  const refused = Object.entries(uplink.listRefused).map(([why, count]) => `${count} ${why}`);
  const lists = Object.entries(uplink.listsRefused ?? {}).map(([why, count]) => `${count} for ${why}`);
  return [
    ['network', `"${uplink.network ?? '?'}" at ${uplink.collector ?? '?'}`],
    ['contact', `${contact}${faults.map((why) => `; ${why}`).join('')}`],
    [
      'list',
      `version ${uplink.listVersion}, ${uplink.listEntries} entries${refused.length === 0 ? '' : `, refused: ${refused.join(', ')}`}${lists.length === 0 ? '' : `; whole lists not believed: ${lists.join(', ')}`}`,
    ],
    [
      'clock',
      Math.abs(offset) <= CLOCK_NOISE_MS
        ? 'agrees with the collector'
        : `${offset > 0 ? 'behind' : 'ahead of'} the collector by ${spanWords(Math.abs(offset))}`,
    ],
    ...(spool === undefined ? [] : [spoolRow(spool, uplink.rejected ?? 0)]),
  ];
}

function spoolRow(spool: NonNullable<Status['uplink']['spool']>, rejected: number): [string, string] {
  const disk = spool.isDiskFailing ? '; the disk takes nothing, they are in memory only' : '';
  const aside = rejected === 0 ? '' : `, ${rejected} put aside`;
  return [
    'spool',
    `${spool.batches} batches wait, ${spool.bytes} bytes on disk, ${spool.lost} lost${aside}${disk}`,
  ];
}
