import { formatPortRanges } from '@picket/protocol';
import type { BucketMessage, Explanation } from '../../control/messages.ts';
import { eventWords } from '../../report/event-words.ts';
import { printable } from '../../report/log.ts';
import { stanceWords } from './stance.ts';
import { spanWords, timeWords } from './time.ts';

type Row = readonly [label: string, words: string];

/** What is known of a source, for people: first whether it is blocked and why, then what that rests on. */
export function explanationLines(told: Explanation): string[] {
  const rows = [
    ...(told.isRunning ? [] : [['agent', 'does not run: this is what it left on disk'] as const]),
    ...(told.source === told.address ? [] : [['counts as', told.source] as const]),
    ...seenRows(told),
    ...evidenceRows(told),
    ...blockRows(told),
    ...told.history.map(
      (event, i) => [i === 0 ? 'history' : '', `${timeWords(event.atMs)} ${eventWords(event)}`] as const,
    ),
  ];
  const lines = rows.map(([label, words]) => `${label.padEnd(12)}${printable(words)}`);
  return [printable(`${told.address}: ${verdict(told)}`), ...lines];
}

/** Whether it is blocked, and why or why not, in one sentence. */
export function verdict(told: Explanation): string {
  const { block, shared, protection, nowMs } = told;
  if (protection !== undefined) return `never blocked: ${protection}`;
  const isShared = shared !== undefined && !shared.isLifted && shared.untilMs > nowMs;
  if (block !== undefined || isShared) {
    const until = Math.max(block?.untilMs ?? 0, isShared ? shared.untilMs : 0);
    const by = [block && 'this host', isShared && 'the network'].filter(Boolean).join(' and ');
    const words = told.enforces ? 'blocked' : 'not blocked, but would be';
    return `${words} by ${by} until ${timeWords(until)} (${spanWords(until - nowMs)} left)`;
  }
  if (told.hold?.what === 'held')
    return `blocked in the kernel until ${timeWords(told.hold.untilMs)}; the agent has not heard of it yet`;
  if (told.hold?.what === 'muted')
    return `not blocked: it is a client, and its probes may be forged; until ${timeWords(told.hold.untilMs)} unused ports do not answer it`;
  if (shared?.isLifted === true)
    return 'not blocked: the network blocks it, and that was lifted on this host';
  if (!told.isRunning) return 'not blocked, as far as is known';
  if (told.seen === undefined) return 'not blocked: nothing of it is known here';
  const drawn = told.buckets.find(({ kind }) => kind === told.drawsFrom);
  return `not blocked: ${drawn === undefined ? 'its probes count for nothing' : countWords(drawn)}`;
}

const KINDS: Readonly<Record<BucketMessage['kind'], string>> = {
  ordinary: 'distinct unused ports',
  'known client': 'distinct unused ports, as a known client',
  weak: 'distinct ports by weak evidence',
};

/** `3 of 4 distinct unused ports; the next one trips`. */
function countWords({ kind, ports, spent }: BucketMessage): string {
  const next = spent >= ports - 1 ? '; the next one trips' : '';
  return `${spent} of ${ports} ${KINDS[kind]}${next}`;
}

function seenRows({ seen, nowMs, source, address }: Explanation): Row[] {
  if (seen === undefined) return [];
  const ports = Object.entries(seen.ports).map(
    ([transport, ranges]) => `${transport} ${formatPortRanges(ranges)}`,
  );
  const techniques = Object.entries(seen.techniques).map(([name, count]) => `${name} ${count}`);
  const others = source === address ? '' : `; last from ${seen.address}`;
  return [
    ['first seen', `${timeWords(seen.firstAtMs)} (${spanWords(nowMs - seen.firstAtMs)} ago)`],
    [
      'last seen',
      `${timeWords(seen.lastAtMs)} (${spanWords(nowMs - seen.lastAtMs)} ago), to ${seen.localAddress}${others}`,
    ],
    ['contacts', `${seen.contacts} distinct: ${ports.join('; ') || 'no port told'}`],
    ['techniques', techniques.join(', ') || 'none told'],
    [
      'evidence',
      seen.evidence === 'handshake'
        ? 'handshake: its address is its own'
        : 'forgeable: anybody could have sent it',
    ],
    ...(seen.tripAtMs === undefined ? [] : [['tripped', timeWords(seen.tripAtMs)] as const]),
  ];
}

function evidenceRows({ buckets, drawsFrom, isSuspect, tripwires, nowMs }: Explanation): Row[] {
  const rows = buckets.map((bucket): Row => {
    const back =
      bucket.nextAtMs === undefined ? '' : `; one comes back in ${spanWords(bucket.nextAtMs - nowMs)}`;
    const drawn = bucket.kind === drawsFrom ? ' (its next probe draws from here)' : '';
    return ['counted', `${countWords(bucket)}${back}${drawn}`];
  });
  if (isSuspect === true && buckets.some(({ kind }) => kind === 'weak'))
    rows.push(['weak', 'counts as ordinary: it gave ordinary evidence too']);
  if (tripwires.length > 0) rows.push(['tripwire', `touched ${tripwires.join(', ')}: one probe is enough`]);
  return rows;
}

function blockRows({ block, shared, stance, enforces, nowMs }: Explanation): Row[] {
  const rows: Row[] = [];
  if (block !== undefined) {
    const tier = block.tier === 'held' ? 'new connections' : 'all packets';
    rows.push([
      'local block',
      `${timeWords(block.atMs)} to ${timeWords(block.untilMs)}, ${tier}, decided by ${block.by ?? `the ${block.decidedBy}`}; ${block.packets} packets refused`,
    ]);
  }
  if (shared !== undefined) {
    const lifted = shared.isLifted ? '; lifted on this host' : '';
    rows.push([
      'shared block',
      `until ${timeWords(shared.untilMs)}, ${shared.tier}: ${shared.reason}${lifted}`,
    ]);
  }
  if (!enforces)
    rows.push([
      'mode',
      stance.mode === 'enforce' ? 'the firewall refuses nothing here' : stanceWords(stance, nowMs),
    ]);
  return rows;
}
