import type { Address, Source } from '@picket/protocol';
import type { Packet } from '../decode/packet.ts';
import { answerOf } from './gate/answer.ts';
import type { Listeners } from './gate/listeners.ts';
import { type GateRules, isIn } from './gate/rules.ts';
import { createScope, type Skip } from './gate/scope.ts';
import { createServed, SERVED_MS } from './gate/served.ts';
import { type Suspicion, suspicionOf } from './gate/suspicion.ts';
import { type Connection, createTalks } from './gate/talks.ts';
import { tupleIn, tupleKey } from './gate/tuple.ts';
import { createVerdicts } from './gate/verdicts.ts';
import type { Probe } from './probe.ts';

export type { Listeners } from './gate/listeners.ts';
export type { GateRules } from './gate/rules.ts';
export type { Skip } from './gate/scope.ts';
export type { Connection } from './gate/talks.ts';

/**
 * What counts as a probe, for engines that see packets: the same decisions as those of the nftables table, which asks
 * the kernel for the socket at the time of the packet. Here the host's own answers and its lists of listeners tell.
 */
export interface Gate {
  /** Takes the next packet, of either direction, and gives the probes that are decided now. Never throws. */
  take(packet: Packet): Probe[];
  /**
   * Takes what the system lists at the given time, Unix ms: its listeners, and its TCP connections where it is asked for
   * them, since a capture knows none that are older than itself. Decides what waited for that.
   */
  learn(listeners: Listeners, takenAtMs: number, connections?: Iterable<Connection>): Probe[];
  /** Says that no packet is in the pipe any more, at the given time; decides what waited for that. */
  due(nowMs: number): Probe[];
  setAddresses(own: readonly Address[]): void;
  /** Whether the source had a real connection to a service of this host within the window before that time. */
  isClient(source: Source, atMs: number): boolean;
  /** From when on a list of listeners would decide something that waits; undefined when nothing needs one. */
  readonly wantsListenersAtMs: number | undefined;
  /** Packets that wait for a decision. */
  readonly waiting: number;
  /** What was forgotten before its time, for want of room. */
  readonly forgotten: number;
  /** Packets that were not looked at, and why. */
  readonly skipped: Readonly<Record<Skip, number>>;
}

/** A gate that knows no own address and no listener yet. */
export function createGate(rules: GateRules): Gate {
  const scope = createScope(rules.ignoredInterfaces);
  const served = createServed();
  const talks = createTalks(rules);
  const verdicts = createVerdicts(served, talks);
  const skipped = noneSkipped();

  const suspect = (suspicion: Suspicion, key: string): Probe[] => {
    const { kind, probe } = suspicion;
    const { transport, port, address, atMs } = probe;
    if (kind === 'protocol') return talks.speaks(address, port, atMs) ? [] : [probe];
    const isKnown = talks.knows(key, atMs);
    if (kind === 'odd' && !isKnown) return [probe];
    const mayBeLate = (transport === 'udp' || kind === 'weak') && isIn([rules.ephemeral], port);
    if (kind !== 'odd' && (isKnown || mayBeLate)) return [];
    const isStrict = kind === 'odd';
    verdicts.wait({ ...suspicion, key, isStrict });
    return [];
  };

  const received = (packet: Packet): Probe[] => {
    const tuple = tupleIn(packet);
    if (tuple !== undefined) talks.received(packet, tuple);
    const suspicion = suspicionOf(packet);
    if (suspicion === undefined) return [];
    const { transport, port } = suspicion.probe;
    if (!isIn(rules.ignored[transport], port)) return suspect(suspicion, tuple ? tupleKey(tuple) : '');
    skipped['ignored-port']++;
    return [];
  };

  /** A datagram is of a service when it answers somebody, when its port is a system port, or one that served before. */
  const isService = (port: number, key: string, atMs: number): boolean =>
    port < 1024 || verdicts.isWaiting(key) || served.since('udp', port, atMs - SERVED_MS);

  const sent = (packet: Packet): Probe[] => {
    const { atMs, segment, destination, protocol } = packet;
    if (segment.kind === 'other') talks.spoke(destination, protocol, atMs);
    const answer = answerOf(packet);
    if (answer === undefined) return [];
    const { says, tuple } = answer;
    const key = tupleKey(tuple);
    if (segment.kind !== 'icmp') talks.sent(packet, tuple);
    if (says === 'unused') return verdicts.refuse(key);
    const isUdp = tuple.transport === 'udp';
    if (isUdp) served.noteSent(tuple.port, atMs);
    if (says !== 'used' && !(isUdp && isService(tuple.port, key, atMs))) return [];
    served.note(tuple.transport, tuple.port, atMs);
    verdicts.serve(key);
    return [];
  };

  return {
    take(packet) {
      verdicts.see(packet.atMs);
      const way = scope.wayOf(packet);
      if (way === 'in') return [...received(packet), ...verdicts.settle()];
      if (way === 'out') return [...sent(packet), ...verdicts.settle()];
      skipped[way]++;
      return verdicts.settle();
    },
    learn(listeners, takenAtMs, connections = []) {
      talks.learn(connections, takenAtMs, (port) => listeners.tcp.has(port));
      verdicts.list(listeners, takenAtMs);
      return verdicts.settle();
    },
    due(nowMs) {
      verdicts.drain(nowMs);
      return verdicts.settle();
    },
    setAddresses: scope.setAddresses,
    isClient: talks.isClient,
    get wantsListenersAtMs() {
      return verdicts.wantsListenersAtMs;
    },
    get waiting() {
      return verdicts.waiting;
    },
    get forgotten() {
      return verdicts.forgotten + talks.forgotten;
    },
    skipped,
  };
}

function noneSkipped(): Record<Skip, number> {
  return { 'bad-checksum': 0, 'not-own': 0, 'own-source': 0, 'ignored-interface': 0, 'ignored-port': 0 };
}
