import {
  type Address,
  cidrOf,
  familyOf,
  NO_FACTS,
  neverBlockRule,
  type PortRange,
  type Source,
  sourceOf,
} from '@picket/protocol';
import type { Packet } from '../decode/packet.ts';
import type { PassedOver } from '../decode/packet-decoder.ts';
import type { Listeners } from '../detect/gate/listeners.ts';
import { createGate, type Skip } from '../detect/gate.ts';
import type { Probe } from '../detect/probe.ts';
import { createJudge } from '../detect/rules.ts';
import { evidenceRules } from '../policy/derive.ts';
import { gateRules } from '../policy/gate.ts';
import type { Policy } from '../policy/policy.ts';
import { isAuthorised } from '../policy/sources.ts';
import { newReading, readCapture } from './read.ts';
import { createSurvey } from './survey.ts';
import { createTrips, type Trip } from './trips.ts';

/** What to replay, and what is known of the host better than its capture tells. */
export interface ReplayOptions {
  readonly file: string;
  readonly policy: Policy;
  /** Own addresses; undefined: those that the capture shows. */
  readonly own?: readonly Address[] | undefined;
  /** Ports that are served, beside those that the capture shows. */
  readonly open: Readonly<Record<keyof Listeners, readonly number[]>>;
  /** Local ephemeral ports of the captured host. */
  readonly ephemeral: PortRange;
}

/** What would have happened. Times in Unix ms. */
export interface Replay {
  readonly file: string;
  readonly firstAtMs: number | undefined;
  readonly lastAtMs: number | undefined;
  /** Why the rest of the file could not be read. */
  readonly cut: string | undefined;
  readonly own: { readonly addresses: readonly Address[]; readonly how: string };
  readonly open: Readonly<Record<keyof Listeners, readonly number[]>>;
  readonly counts: Counts;
  readonly trips: readonly Trip[];
}

/** How much was seen. */
export interface Counts {
  readonly frames: number;
  readonly packets: number;
  readonly probes: number;
  readonly sources: number;
  /** There were more sources than are told apart. */
  readonly hasMoreSources: boolean;
  readonly trips: number;
  /** Packets that were not looked at, and probes of allowed sources. */
  readonly skipped: Readonly<Record<Skip | 'allowed', number>>;
  readonly passedOver: PassedOver;
  readonly forgotten: number;
}

/** How often the gate is told of the listeners, ms of the capture's time. */
const LISTEN_MS = 1_000;

/** Long after the last packet, ms: all that waits is decided. */
const END_MS = 10_000;

/**
 * Plays a capture file through the decisions of the agent, and says what would have tripped. The file is read twice:
 * first to find the host, then to judge. Memory is bounded whatever its size.
 *
 * @throws ReplayError for a file that cannot be read at all
 */
export async function replay(options: ReplayOptions): Promise<Replay> {
  const { file } = options;
  const survey = createSurvey();
  for await (const packet of readCapture(file, newReading())) survey.see(packet);
  const { own, how, open: found } = survey.findings(options.own);
  const open = withGiven(found, options.open);
  const judging = createJudging(options, own, open);
  const reading = newReading();
  let [packets, firstAtMs, lastAtMs] = [0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for await (const packet of readCapture(file, reading)) {
    packets++;
    firstAtMs = Math.min(firstAtMs, packet.atMs);
    lastAtMs = Math.max(lastAtMs, packet.atMs);
    judging.take(packet);
  }
  judging.end(lastAtMs);
  const { gate, trips, counts } = judging;
  const { count: sources, isMore: hasMoreSources } = trips.sources();
  return {
    file,
    ...(packets > 0 ? { firstAtMs, lastAtMs } : { firstAtMs: undefined, lastAtMs: undefined }),
    cut: reading.cut,
    own: { addresses: own, how },
    open: { tcp: sorted(open.tcp), udp: sorted(open.udp), sctp: sorted(open.sctp) },
    counts: {
      ...{ frames: reading.frames, packets, probes: counts.probes, sources, hasMoreSources },
      ...{ trips: trips.count, passedOver: reading.passedOver, forgotten: gate.forgotten + trips.forgotten },
      skipped: { ...gate.skipped, allowed: counts.allowed },
    },
    trips: trips.told,
  };
}

function createJudging({ policy, ephemeral }: ReplayOptions, own: readonly Address[], open: Listeners) {
  // Who shares a /64 with an own address is a neighbour, as far as a capture tells.
  const onLink = own.filter((address) => familyOf(address) === 6).map((address) => cidrOf(address, 64));
  const gate = createGate(gateRules(policy, ephemeral, (address) => sourceOf(address, onLink)));
  const trips = createTrips(createJudge(evidenceRules(policy), gate.isClient), policy.block.duration);
  const isAllowed = allowedBy(policy, own);
  const counts = { probes: 0, allowed: 0 };
  let nextMs = Number.NEGATIVE_INFINITY;
  gate.setAddresses(own);
  const observe = (probes: readonly Probe[]): void => {
    for (const probe of probes) {
      const source = sourceOf(probe.address, onLink);
      const allowed = isAllowed(source, probe.atMs);
      counts[allowed ? 'allowed' : 'probes']++;
      if (!allowed) trips.observe(source, probe);
    }
  };
  return {
    gate,
    trips,
    counts,
    take(packet: Packet) {
      const { atMs } = packet;
      // The clock of a capture may be set back, too.
      if (atMs >= nextMs || atMs < nextMs - 2 * LISTEN_MS) {
        observe(gate.learn(open, atMs));
        nextMs = atMs + LISTEN_MS;
      }
      observe(gate.take(packet));
    },
    end(lastAtMs: number) {
      observe([...gate.learn(open, lastAtMs + END_MS), ...gate.due(lastAtMs + END_MS)]);
    },
  };
}

/** Who is never counted at a time, by the policy: its networks and its scanners; names are not looked up for the past. */
function allowedBy(policy: Policy, own: readonly Address[]): (source: Source, atMs: number) => boolean {
  const cidrs = (sources: Policy['allow']['sources']) =>
    sources.flatMap((source) => (source.kind === 'cidr' ? [source.cidr] : []));
  const ruleOut = neverBlockRule({ ...NO_FACTS, own, allow: cidrs(policy.allow.sources) });
  const scanners = policy.scanner.map((scanner) => ({
    scanner,
    ruleOut: neverBlockRule({ ...NO_FACTS, allow: cidrs(scanner.sources) }),
  }));
  return (source, atMs) =>
    ruleOut(source) !== undefined ||
    scanners.some((s) => isAuthorised(s.scanner, new Date(atMs)) && s.ruleOut(source) === 'allow list');
}

function withGiven(found: Listeners, given: ReplayOptions['open']): Listeners {
  return {
    tcp: new Set([...found.tcp, ...given.tcp]),
    udp: new Set([...found.udp, ...given.udp]),
    sctp: new Set([...found.sctp, ...given.sctp]),
  };
}

function sorted(ports: ReadonlySet<number>): number[] {
  return [...ports].sort((a, b) => a - b);
}
