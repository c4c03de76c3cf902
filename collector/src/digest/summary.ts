import { type Facts, isOnlyObserved } from './facts.ts';
import { foreign } from './foreign.ts';
import type { Row } from './letter.ts';
import { list, number, plural } from './words.ts';
import type { TimeWriter } from './zone-time.ts';

/** The subject, all of it in one line: `[prod] 1 scanner blocked on 3 hosts`. */
export function subjectOf(facts: Facts): string {
  const { totals, people } = facts;
  const parts: string[] = [];
  if (totals.scanners > 0) parts.push(scannersInShort(facts));
  if (people.added > 0) parts.push(`${plural(people.added, 'source')} blocked by hand`);
  const look = needs(facts).length > 0 ? ': needs a look' : '';
  return `[${foreign(facts.network.name, 60)}] ${parts.join(', ')}${look}`;
}

/** The first screen: what happened, what Picket did, what needs a person. */
export function summaryOf(facts: Facts, times: TimeWriter): Row[] {
  const needed = needs(facts);
  return [
    { label: 'What happened', lines: happened(facts) },
    { label: 'What Picket did', lines: done(facts, times) },
    { label: 'What needs you', lines: needed.length === 0 ? ['Nothing.'] : needed },
  ];
}

function scannersInShort(facts: Facts): string {
  const { totals } = facts;
  const all = plural(totals.scanners, 'scanner');
  const decided = decidedOf(facts);
  if (isOnlyObserved(facts) && decided > 0) {
    const which = decided === totals.scanners ? all : `${number(decided)} of ${all}`;
    return `${which} would have been blocked (observe mode)`;
  }
  if (totals.blocked === 0) return `${all} seen, not blocked`;
  const which = totals.blocked === totals.scanners ? all : `${number(totals.blocked)} of ${all}`;
  return `${which} blocked${onHosts(totals)}`;
}

/** Scanners that are blocked, or would be by hosts that only observe. */
const decidedOf = ({ totals }: Facts): number => totals.blocked + totals.observed;

function onHosts({ fewestInForce, mostInForce }: Facts['totals']): string {
  if (mostInForce === 0) return '';
  return ` on ${fewestInForce === mostInForce ? '' : 'up to '}${plural(mostInForce, 'host')}`;
}

function happened({ totals, people }: Facts): string[] {
  const lines: string[] = [];
  if (totals.scanners > 0) {
    const probed = `${plural(totals.scanners, 'scanner')} probed ${plural(totals.hostsTouched, 'host')}`;
    lines.push(`${probed}: ${plural(totals.probes, 'probe')} of unused ports.`);
  }
  if (people.added > 0) lines.push(`${plural(people.added, 'source was', 'sources were')} blocked by hand.`);
  return lines;
}

function done(facts: Facts, times: TimeWriter): string[] {
  const { totals, people } = facts;
  if (isOnlyObserved(facts)) return observed(facts);
  const lines = totals.blocked > 0 ? [blockedLine(facts, times)] : [];
  if (totals.droppedPackets > 0)
    lines.push(`Dropped ${plural(totals.droppedPackets, 'further packet')} so far.`);
  if (totals.observed > 0) {
    lines.push(
      `Observed ${itOrThem(totals.observed, totals.scanners)} only: the hosts concerned do not block.`,
    );
  }
  if (totals.allowed > 0) {
    lines.push(`Let ${itOrThem(totals.allowed, totals.scanners)} pass: on the allow list.`);
  }
  if (people.added > 0) lines.push('Shared the blocks made by hand with all hosts.');
  return lines.length === 0 ? ['Recorded it.'] : lines;
}

/** What a network in observe mode did: nothing but tell. */
function observed(facts: Facts): string[] {
  const { totals, people } = facts;
  const decided = decidedOf(facts);
  const lines =
    decided > 0
      ? [`Would have blocked ${itOrThem(decided, totals.scanners)}: the network only observes.`]
      : [];
  if (totals.allowed > 0)
    lines.push(`Let ${itOrThem(totals.allowed, totals.scanners)} pass: on the allow list.`);
  if (people.added > 0) lines.push('Told the blocks made by hand to all hosts, which do not carry them out.');
  return lines.length === 0 ? ['Recorded it.'] : lines;
}

function blockedLine({ totals, hosts, hourMs }: Facts, times: TimeWriter): string {
  const which = itOrThem(totals.blocked, totals.scanners);
  const until =
    totals.untilMs === null
      ? ''
      : `${totals.blocked === 1 ? '' : ' the last'} until ${times.second(totals.untilMs)}`;
  if (totals.mostInForce > 0) {
    const upTo = totals.fewestInForce === totals.mostInForce ? '' : 'up to ';
    return `Blocked ${which} on ${upTo}${number(totals.mostInForce)} of ${plural(hosts, 'host')},${until}.`.replace(
      ',.',
      '.',
    );
  }
  const isOver = totals.untilMs === null || totals.untilMs <= hourMs;
  return `Blocked ${which}; ${isOver ? 'that has ended by now' : 'no host has confirmed it yet'}.`;
}

function itOrThem(some: number, all: number): string {
  if (some === all) return all === 1 ? 'it' : all === 2 ? 'both' : `all ${number(all)}`;
  return `${number(some)} of ${number(all)}`;
}

function needs({ totals, scanners }: Facts): string[] {
  const lines: string[] = [];
  if (totals.ownHosts > 0) {
    const names = [...new Set(scanners.flatMap(({ ownHost }) => ownHost ?? []))].slice(0, 5);
    const which = names.length === 0 ? '' : ` (${list(names.map((name) => foreign(name)))})`;
    lines.push(
      `Probes came from ${plural(totals.ownHosts, 'host')} of this network${which}: see what runs there.`,
    );
  }
  if (totals.unblocked > 0) {
    lines.push(
      `${plural(totals.unblocked, 'scanner is', 'scanners are')} not blocked by any host: see below.`,
    );
  }
  if (totals.allowed > 0) {
    const which = plural(totals.allowed, 'scanner is', 'scanners are');
    lines.push(`${which} on the allow list: see whether that is still meant.`);
  }
  return lines;
}
