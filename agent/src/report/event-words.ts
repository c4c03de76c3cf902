import type { HostEvent } from './events.ts';

/** An event as a person reads it, in half a line; without its time. */
export function eventWords(event: HostEvent): string {
  const { source = '?', untilMs, why = 'it ended', by = 'somebody', count = 0 } = event;
  const until = untilMs === undefined ? '' : ` until ${new Date(untilMs).toISOString()}`;
  switch (event.event) {
    case 'start':
      return `started, engine ${event.engine ?? '?'}, firewall ${event.firewall ?? '?'}, mode ${event.mode ?? 'enforce'}`;
    case 'stop':
      return 'stopped; blocks stay as they are';
    case 'probe':
      return `probe of ${event.transport ?? '?'}/${event.port ?? '?'} from ${event.address ?? source} (${event.technique ?? '?'})`;
    case 'block':
      return `${source} ${event.enforced === false ? 'would have been blocked' : 'blocked'}${until}${event.by === undefined ? causeWords(event) : ` by ${event.by}`}`;
    case 'unblock':
      return `block of ${source} over: ${why}`;
    case 'lift':
      return `${event.source === undefined ? 'all blocks' : `blocks of ${event.source}`} lifted by ${by}: ${event.local ?? 0} of this host, ${event.shared ?? 0} of the network`;
    case 'mode':
      return event.mode === 'enforce'
        ? 'blocks are in force'
        : `${event.mode ?? '?'} by ${by}${until}: nothing is blocked`;
    case 'allow':
      return `${source} allowed by ${by}${until}`;
    case 'disallow':
      return `${source} no longer allowed, by ${by}`;
    case 'spare':
      return `${source} crossed the threshold${causeWords(event)} and is not blocked: ${event.why === 'client' ? 'it is a client, and ' : ''}its probes may be forged`;
    case 'sibling':
      return `${event.address ?? source}, a host of this network, scans this one; it is not blocked`;
    case 'limit':
      return 'too many new sources to be true: forgeable evidence blocks nobody for now';
    case 'unlimit':
      return 'forgeable evidence blocks again';
    case 'lost':
      return `${count} not told: ${why}`;
  }
}

function causeWords({ transport, port, technique }: HostEvent): string {
  return transport === undefined ? '' : ` after a probe of ${transport}/${port ?? '?'} (${technique ?? '?'})`;
}
