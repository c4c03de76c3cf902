import { type Address, type BlockEntry, contains, portRanges, TRANSPORTS } from '@picket/protocol';
import type { Known } from '../agent-port.ts';
import type { BookedBlock } from '../blocks/book.ts';
import { level } from '../detect/bucket.ts';
import { portsOf, type Track } from '../detect/track.ts';
import { evidenceRules } from '../policy/derive.ts';
import type { Policy } from '../policy/policy.ts';
import { isAuthorised } from '../policy/sources.ts';
import type { BucketMessage, Explanation, RecentSource } from './messages.ts';

/** A local block as it is told on the host. */
export function blockMessage(block: BookedBlock): NonNullable<Explanation['block']> {
  const { atMs, untilMs, tier, decidedBy, by, droppedPackets } = block;
  return { atMs, untilMs, tier, decidedBy, packets: droppedPackets, ...(by !== undefined && { by }) };
}

/** A track as it is told on the host. */
export function seenMessage(track: Track, tripAtMs: number | undefined): NonNullable<Explanation['seen']> {
  const { address, localAddress, firstAtMs, lastAtMs, techniques, portCount: contacts, evidence } = track;
  const ports = TRANSPORTS.map((transport) => [transport, portRanges(portsOf(track, transport))] as const);
  return {
    ...{ address, localAddress, firstAtMs, lastAtMs, contacts, evidence },
    ...(tripAtMs !== undefined && { tripAtMs }),
    techniques: Object.fromEntries(techniques),
    ports: Object.fromEntries(ports.filter(([, ranges]) => ranges.length > 0)),
  };
}

/** A source of the live view. */
export function recentMessage(track: Track, block: BookedBlock | undefined): RecentSource {
  const seen = seenMessage(track, undefined);
  return { source: track.source, seen, ...(block !== undefined && { block: blockMessage(block) }) };
}

/** What is known, with what had to be asked for. */
type Asked = Known & { readonly isClient: boolean };

/** What the agent knows of a source, put together for a person who asks why. */
export function explain(
  address: Address,
  known: Asked,
  {
    policy,
    nowMs,
    enforces,
    stance,
  }: { policy: Policy; nowMs: number } & Pick<Explanation, 'enforces' | 'stance'>,
): Omit<Explanation, 'history'> {
  const { source, track, tripAtMs, block, shared } = known;
  const protection = protectionOf(address, known, policy, nowMs);
  return {
    ...{ address, source, nowMs, isRunning: true, stance, enforces },
    ...(protection !== undefined && { protection }),
    ...(track !== undefined && {
      seen: seenMessage(track, tripAtMs),
      ...evidenceOf(track, known, policy, nowMs),
    }),
    buckets: track === undefined ? [] : bucketsOf(track, known.isClient, policy, nowMs),
    tripwires: track === undefined ? [] : touchedTripwires(track, policy),
    ...(block !== undefined && { block: blockMessage(block) }),
    ...(shared !== undefined && { shared: sharedMessage(shared.entry, shared.isLifted) }),
  };
}

function sharedMessage(
  [, untilMs, tier, reason]: BlockEntry,
  isLifted: boolean,
): NonNullable<Explanation['shared']> {
  return { untilMs, tier, reason, isLifted };
}

function protectionOf(address: Address, known: Known, policy: Policy, nowMs: number): string | undefined {
  if (known.protection !== 'allow list') return known.protection;
  const scanner = policy.scanner.find(
    (each) =>
      isAuthorised(each, new Date(nowMs)) &&
      each.sources.some((source) => source.kind === 'cidr' && contains(source.cidr, address)),
  );
  if (scanner !== undefined) return `authorised scanner "${scanner.name}"`;
  if (known.allowance !== undefined)
    return `allowed by ${known.allowance.by} until ${new Date(known.allowance.untilMs).toISOString()}`;
  return known.isAllowedByNetwork ? 'allow list of the network' : 'allow.sources of picket.toml';
}

function evidenceOf(
  { buckets }: Track,
  { isClient }: Asked,
  { threshold }: Policy,
  nowMs: number,
): Pick<Explanation, 'drawsFrom' | 'isSuspect'> {
  const isSuspect = buckets.suspectAtMs !== undefined && nowMs - buckets.suspectAtMs < threshold.window;
  const isWeakOnly =
    buckets.weak !== undefined && buckets.ports === undefined && buckets.client === undefined;
  const ordinary = isClient ? 'known client' : 'ordinary';
  return { drawsFrom: isWeakOnly && !isSuspect ? 'weak' : ordinary, isSuspect };
}

function bucketsOf(
  { buckets, contacts }: Track,
  isClient: boolean,
  { threshold }: Policy,
  nowMs: number,
): BucketMessage[] {
  const { window, client_ports } = threshold;
  if (isClient && buckets.client === undefined && buckets.ports !== undefined) {
    // The kernel knows a client that the tracks do not: its bucket there is seen from the contacts alone.
    const spent = [...contacts].filter(
      ([key, atMs]) => !key.endsWith('/weak') && nowMs - atMs < window,
    ).length;
    return [{ kind: 'known client', ports: client_ports, spent: Math.min(spent, client_ports - 1) }];
  }
  const kinds = [
    ['ordinary', buckets.ports, threshold.ports],
    ['known client', buckets.client, threshold.client_ports],
    ['weak', buckets.weak, threshold.weak_ports],
  ] as const;
  return kinds.flatMap(([kind, bucket, ports]) => {
    if (bucket === undefined) return [];
    const { left, nextAtMs } = level(bucket, nowMs, { ports, window });
    return [{ kind, ports, spent: ports - 1 - left, ...(nextAtMs !== undefined && { nextAtMs }) }];
  });
}

function touchedTripwires(track: Track, policy: Policy): string[] {
  const { tripwires } = evidenceRules(policy);
  const touched = TRANSPORTS.flatMap((transport) =>
    portsOf(track, transport)
      .filter((port) => (tripwires[transport] ?? []).some(([from, to]) => port >= from && port <= to))
      .map((port) => `${transport}/${port}`),
  );
  return [...new Set(touched)];
}
