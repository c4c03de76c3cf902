import { formatPortRanges, type PortRange, TRANSPORTS } from '@picket/protocol';
import type { SeenPorts } from './evidence.ts';

/** Longest reason on the wire, characters. */
const MAX_REASON = 200;

/** Longest part of a host's name in a reason, characters, and most hosts named. */
const MAX_HOST_NAME = 40;
const MAX_HOSTS_NAMED = 2;

/** Most port ranges named per transport. */
const MAX_RANGES_NAMED = 8;

/** Why a source is blocked, in the words that the list, the mail and the command line show. */
export interface Cause {
  readonly tripped: readonly string[];
  readonly probed: readonly string[];
  readonly ports: SeenPorts;
}

/** `tripped on web-1; ports tcp 21,23,25`: at most 200 characters, printable ASCII. */
export function reasonText({ tripped, probed, ports }: Cause): string {
  const what = tripped.length > 0 ? `tripped on ${nameHosts(tripped)}` : `probed ${nameHosts(probed)}`;
  const seen = TRANSPORTS.map((transport) => namePorts(transport, ports[transport] ?? [])).filter(
    (text) => text !== '',
  );
  return [what, seen.length > 0 ? `ports ${seen.join(', ')}` : '']
    .filter(Boolean)
    .join('; ')
    .slice(0, MAX_REASON);
}

/** Host names are the hosts' own word: whatever a terminal or a mail could read as more than a name becomes `?`. */
function nameHosts(names: readonly string[]): string {
  const sorted = [...names].sort();
  const named = sorted.slice(0, MAX_HOSTS_NAMED).map((name) => {
    return name.slice(0, MAX_HOST_NAME).replace(/[^\w.:-]/g, '?');
  });
  const others = sorted.length - named.length;
  return others > 0 ? `${named.join(', ')} and ${others} more` : named.join(' and ');
}

function namePorts(transport: string, ranges: readonly PortRange[]): string {
  if (ranges.length === 0) return '';
  const more = ranges.length > MAX_RANGES_NAMED ? ',...' : '';
  return `${transport} ${formatPortRanges(ranges.slice(0, MAX_RANGES_NAMED))}${more}`;
}
