import {
  formatPortRanges,
  type PortRange,
  parsePortRanges,
  type Sighting,
  TRANSPORTS,
} from '@picket/protocol';
import type { SeenPorts } from '../correlate/evidence.ts';

/*
 * Parts of a sighting as short text, as the table `sighting` holds them: JSON would take three times the room, arrays of
 * PostgreSQL 24 bytes before the first member.
 */

/** Probes by technique, by name: `syn=3 udp=1`. */
export function techniquesText(techniques: Sighting['techniques']): string {
  return Object.entries(techniques)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, count]) => `${name}=${count}`)
    .join(' ');
}

/** Ports by transport: `tcp:21,23-25 udp:53`. */
export function portsText(ports: Sighting['ports']): string {
  return TRANSPORTS.flatMap((transport) => {
    const ranges = ports[transport] ?? [];
    return ranges.length === 0 ? [] : [`${transport}:${formatPortRanges(ranges)}`];
  }).join(' ');
}

/** Ports from {@link portsText}. */
export function parsePortsText(text: string): SeenPorts {
  const ports: Partial<Record<(typeof TRANSPORTS)[number], PortRange[]>> = {};
  for (const part of text.split(' ')) {
    const transport = TRANSPORTS.find((name) => part.startsWith(`${name}:`));
    const ranges = transport && parsePortRanges(part.slice(transport.length + 1));
    if (ranges !== undefined && transport !== undefined) ports[transport] = ranges;
  }
  return ports;
}

/** Who blocks and how: `held kernel nftables enforced`; names lose their spaces, for these separate. */
export function blockHowText(block: NonNullable<Sighting['block']>): string {
  const name = (text: string) => text.replace(/\s/g, '_') || '-';
  return [block.tier, name(block.engine), name(block.backend), ...(block.enforced ? ['enforced'] : [])].join(
    ' ',
  );
}
