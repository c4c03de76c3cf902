import { decodeNflog } from '../decode/nflog.ts';
import { type CapturedPacket, LINKTYPE_NFLOG, pcapDecoder } from '../decode/pcap.ts';
import { decodeProbe } from '../decode/probe.ts';
import {
  CLIENT_PREFIX,
  CLIENT_PROBE_PREFIX,
  LIMIT_PREFIX,
  PROBE_PREFIX,
  SIBLING_PREFIX,
  TRIP_PREFIX,
} from '../nft/names.ts';
import type { RulesetPolicy } from '../nft/ruleset-policy.ts';
import { type KeptChild, keepRunning } from '../run/keep-running.ts';
import { type ListeningChild, startListening } from '../run/listening-child.ts';
import type { Runner } from '../run/runner.ts';
import type { Engine, ProbeSink, TripOutcome } from './engine.ts';
import { forgiveInKernel, isKernelsClient, kernelHold } from './kernel-ask.ts';
import { createProbeCount } from './kernel-count.ts';
import { createLoss } from './kernel-loss.ts';
import { createOpenPorts, type OpenPort } from './kernel-open.ts';
import { endOrphan } from './kernel-orphan.ts';
import { createRoom } from './kernel-room.ts';

/** The parts of the engine that reach outside. */
export interface KernelDeps {
  readonly run: Runner;
  readonly ruleset: RulesetPolicy;
  readonly log: (message: string) => void;
  /** Unix ms. */
  readonly now: () => number;
  /** Ports that the host serves. */
  readonly openPorts: () => Promise<readonly OpenPort[]>;
}

/** What the kernel did about a trip, by the prefix under which it tells it. */
const OUTCOMES: ReadonlyMap<string, TripOutcome> = new Map([
  [TRIP_PREFIX, 'held'],
  [CLIENT_PREFIX, 'client'],
  [LIMIT_PREFIX, 'limited'],
]);

/**
 * The kernel engine: the nftables table decides, and tells probes and trips over an NFLOG group, which tcpdump turns
 * into a pcap stream (no native addon). While no agent reads, the kernel goes on detecting and blocking.
 */
export function createKernelEngine(deps: KernelDeps): Engine {
  let capture: KeptChild | undefined;
  let sink: ProbeSink | undefined;
  const { nflogGroup } = deps.ruleset;
  const room = createRoom(deps);
  const loss = createLoss();
  const tellOpenPorts = createOpenPorts(deps.run, deps.openPorts);
  const count = createProbeCount({
    ...deps,
    async onCount(contacts) {
      room.note(contacts);
      if (sink !== undefined) await room.keep(sink.strong());
    },
  });

  const handle = (sink: ProbeSink) => (packet: CapturedPacket) => {
    const record = packet.linkType === LINKTYPE_NFLOG ? decodeNflog(packet.bytes) : undefined;
    const isClient = record?.prefix === CLIENT_PROBE_PREFIX;
    const isProbe = isClient || record?.prefix === PROBE_PREFIX;
    if (isProbe) count.receive();
    const probe = record && decodeProbe(record.payload, packet.atMs);
    if (record === undefined || probe === undefined) return;
    const outcome = OUTCOMES.get(record.prefix);
    // Not counted by the kernel, and so not by `received`.
    const isSibling = record.prefix === SIBLING_PREFIX;
    if (isProbe || isSibling) sink.probe(isClient ? { ...probe, isClient } : probe);
    else if (outcome !== undefined) sink.trip(probe, outcome);
  };

  const begin = (sink: ProbeSink) => async (): Promise<ListeningChild> => {
    await endOrphan(nflogGroup, captureArgv(nflogGroup));
    return startCapture(nflogGroup, handle(sink), deps.log);
  };

  return {
    name: 'kernel',
    decides: true,
    setAddresses() {},
    // The kernel's judgement is its own: the agent's tracks only tell.
    knowsClient: () => false,
    askForClient: (source) => isKernelsClient(deps.run, source),
    askForHold: (source) => kernelHold(deps.run, source, deps.now()),
    forgive: (source) => forgiveInKernel(deps.run, source),
    async start(to) {
      sink = to;
      await count.begin();
      capture = await keepRunning(begin(to), { name: `tcpdump on nflog:${nflogGroup}`, log: deps.log });
    },
    async lost() {
      await tellOpenPorts();
      if (sink !== undefined) await count.take();
      // Only here, half a minute apart: what is on its way at one look has come by the next.
      loss.note(count.counted, count.received);
      return loss.probes + room.forgotten;
    },
    async stop() {
      count.stop();
      await capture?.stop();
    },
  };
}

function captureArgv(group: number): [string, ...string[]] {
  return ['tcpdump', '-i', `nflog:${group}`, '--immediate-mode', '-n', '-U', '-w', '-'];
}

/** Listens when it resolves: only then may the table be loaded, or the first probes go untold. */
function startCapture(
  group: number,
  onPacket: (packet: CapturedPacket) => void,
  log: (m: string) => void,
): Promise<ListeningChild> {
  const decode = pcapDecoder();
  return startListening({
    argv: captureArgv(group),
    ready: /listening on/,
    onData(chunk, end) {
      const step = decode(chunk);
      if (step.ok) return void step.packets.forEach(onPacket);
      log(step.reason);
      end();
    },
  });
}
