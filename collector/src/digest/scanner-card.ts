import { formatPortRanges, TRANSPORTS } from '@picket/protocol';
import type { Facts, ScannerFacts, SharedBlock, SightingFacts } from './facts.ts';
import { foreign } from './foreign.ts';
import type { Card, Row } from './letter.ts';
import { list, number, plural } from './words.ts';
import type { TimeWriter } from './zone-time.ts';

/** Most port ranges written out of one sighting and transport; the count tells the rest. */
const RANGES_SHOWN = 10;

const TIER = { held: 'new connections', dropped: 'all packets' } as const;

/** The card of one scanner, all that is known of it. */
export function scannerCard(scanner: ScannerFacts, facts: Facts, times: TimeWriter): Card {
  const rows: Row[] = [
    { label: 'When', lines: [times.span(scanner.firstMs, scanner.lastMs)] },
    { label: 'Techniques', lines: [techniques(scanner)] },
    { label: 'Hosts', lines: hostLines(scanner, times) },
    { label: 'Blocked', lines: blockLines(scanner, facts, times) },
    {
      label: 'Dropped',
      // Hosts count now and then: none so far may only mean that none was counted yet.
      lines:
        isBlocked(scanner) && scanner.droppedPackets > 0
          ? [`${plural(scanner.droppedPackets, 'further packet')} so far`]
          : [],
    },
    { label: 'Why', lines: whyLines(scanner, times) },
    { label: 'Known', lines: knownLines(scanner) },
  ];
  return { ...titleOf(scanner, facts), rows: rows.filter(({ lines }) => lines.length > 0) };
}

/** The same in two lines, for those after the first in a long list. */
export function briefCard(scanner: ScannerFacts, facts: Facts, times: TimeWriter): Card {
  const seen = `${plural(scanner.probes, 'probe')} on ${plural(scanner.hosts, 'host')}, ${times.span(scanner.firstMs, scanner.lastMs)}`;
  return {
    ...titleOf(scanner, facts),
    rows: [{ label: 'Seen', lines: [`${seen}; ${techniques(scanner)}`] }],
  };
}

const titleOf = (scanner: ScannerFacts, facts: Facts) => ({
  title:
    scanner.address === scanner.source ? scanner.source : `${scanner.source} (seen as ${scanner.address})`,
  badge: badge(scanner, facts),
  tone: asksForALook(scanner) ? ('look' as const) : ('calm' as const),
});

const techniques = (scanner: ScannerFacts) =>
  scanner.techniques.map(([technique, probes]) => `${foreign(technique)} ${number(probes)}`).join(', ');

/** Whether a person should look at it: it goes on unblocked, or it is one of the network's own hosts. */
function asksForALook(scanner: ScannerFacts): boolean {
  return scanner.ownHost !== null || (!isBlocked(scanner) && scanner.observingHosts === 0);
}

function isBlocked(scanner: ScannerFacts): boolean {
  return scanner.shared !== null || scanner.sightings.some((sighting) => sighting.block?.enforced === true);
}

function badge(scanner: ScannerFacts, facts: Facts): string {
  if (!isBlocked(scanner)) {
    if (scanner.ownHost !== null) return 'not blocked, a host of this network';
    if (scanner.allowed !== null) return 'not blocked, on the allow list';
    return scanner.observingHosts > 0 ? 'not blocked, observed only' : 'not blocked';
  }
  if (scanner.hostsInForce > 0)
    return `blocked on ${number(scanner.hostsInForce)} of ${plural(facts.hosts, 'host')}`;
  return latestEnd(scanner) > facts.hourMs
    ? 'blocked, not confirmed by a host yet'
    : 'was blocked, has ended';
}

function latestEnd({ shared, sightings }: ScannerFacts): number {
  const ends = sightings.map(({ block }) => block?.untilMs ?? 0);
  return Math.max(0, ...ends, shared === null ? 0 : (shared.removedMs ?? shared.untilMs));
}

function hostLines(scanner: ScannerFacts, times: TimeWriter): string[] {
  const several = scanner.sightings.length > 1;
  const lines = scanner.sightings.map((sighting) => {
    const counts = `${plural(sighting.ports, 'unused port')}, ${plural(sighting.probes, 'probe')}`;
    const when = several ? `; ${times.span(sighting.firstMs, sighting.lastMs)}` : '';
    return `${foreign(sighting.host)}: ${portsOf(sighting)} (${counts}${when})`;
  });
  const named = new Set(scanner.sightings.map(({ host }) => host)).size;
  return scanner.hosts > named ? [...lines, `and ${plural(scanner.hosts - named, 'more host')}`] : lines;
}

const TRANSPORT_NAMES = { tcp: 'TCP', udp: 'UDP', sctp: 'SCTP', ip: 'IP protocol' } as const;

function portsOf(sighting: SightingFacts): string {
  const written = TRANSPORTS.flatMap((transport) => {
    const ranges = sighting[transport];
    if (ranges.length === 0) return [];
    const shown = formatPortRanges(ranges.slice(0, RANGES_SHOWN)).replaceAll(',', ', ');
    return [`${TRANSPORT_NAMES[transport]} ${shown}${ranges.length > RANGES_SHOWN ? ' and more' : ''}`];
  });
  return written.join('; ') || 'no port told';
}

function blockLines(scanner: ScannerFacts, facts: Facts, times: TimeWriter): string[] {
  const local = scanner.sightings.flatMap(({ host, block }) => {
    if (block === null) return [];
    if (!block.enforced) return [`not by ${foreign(host)}: it only observes`];
    return [`by ${foreign(host)} itself, ${TIER[block.tier]}: ${times.span(block.atMs, block.untilMs)}`];
  });
  if (scanner.shared !== null) return [...local, ...sharedLines(scanner.shared, scanner, facts, times)];
  return scanner.allowed === null
    ? local
    : [...local, `not shared: on the allow list (${foreign(scanner.allowed, 100)})`];
}

function sharedLines(shared: SharedBlock, scanner: ScannerFacts, facts: Facts, times: TimeWriter): string[] {
  const by = shared.author === 'correlation' ? '' : ` for ${foreign(shared.author)}`;
  const as = shared.source === scanner.source ? '' : ` as part of ${shared.source}`;
  const lifted = shared.removedMs === null ? '' : ', then lifted';
  const span = times.span(shared.atMs, shared.removedMs ?? shared.untilMs);
  return [
    `by the network${by}${as}, ${TIER[shared.tier]}: ${span}${lifted}`,
    `in force on ${number(scanner.hostsInForce)} of ${plural(facts.hosts, 'host')} by their last status`,
  ];
}

function whyLines(scanner: ScannerFacts, times: TimeWriter): string[] {
  const tripped = scanner.sightings.filter(({ trippedMs }) => trippedMs !== null);
  const where = tripped.map(({ host, trippedMs }) => `${foreign(host)} at ${times.second(trippedMs ?? 0)}`);
  const more = scanner.trippedHosts - new Set(tripped.map(({ host }) => host)).size;
  const all = more > 0 ? [...where, plural(more, 'more host')] : where;
  const proof =
    scanner.evidence === 'handshake'
      ? 'its address is proven by a TCP handshake'
      : 'its address is not proven: single packets can be forged';
  const lines = all.length > 0 ? [`crossed the threshold on ${list(all)}; ${proof}`] : [];
  return scanner.shared === null
    ? lines
    : [...lines, `shared because: ${foreign(scanner.shared.reason, 200)}`];
}

function knownLines(scanner: ScannerFacts): string[] {
  const lines =
    scanner.ownHost === null ? [] : [`this is the network's own host ${foreign(scanner.ownHost)}`];
  if (scanner.timesBlocked > 1) lines.push(`blocked ${number(scanner.timesBlocked)} times so far`);
  if (scanner.again) lines.push('told in an earlier mail; something changed since');
  return lines;
}
