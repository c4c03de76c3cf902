import { decodeNflog } from '../decode/nflog.ts';
import { type CapturedPacket, LINKTYPE_NFLOG, pcapDecoder } from '../decode/pcap.ts';
import { decodeProbe } from '../decode/probe.ts';
import {
  CLIENT_PREFIX,
  CLIENT_PROBE_PREFIX,
  LIMIT_PREFIX,
  PROBE_PREFIX,
  SIBLING_PREFIX,
  TABLE,
  TRIP_PREFIX,
} from '../nft/names.ts';
import type { RulesetPolicy } from '../nft/ruleset-policy.ts';
import { type KeptChild, keepRunning } from '../run/keep-running.ts';
import { type ListeningChild, startListening } from '../run/listening-child.ts';
import type { Runner } from '../run/runner.ts';
import type { Engine, ProbeSink, TripOutcome } from './engine.ts';
import { forgiveInKernel, isKernelsClient, kernelHold } from './kernel-ask.ts';
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

/** After so many probes, and so long at least, the kernel is asked how many there really were, ms: a flood is not told whole. */
const ASK_AFTER_PROBES = 1_000;
const ASK_EVERY_MS = 1_000;

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
  let [received, counted] = [0, 0];
  let sink: ProbeSink | undefined;
  const { nflogGroup } = deps.ruleset;
  const room = createRoom(deps);
  const loss = createLoss();
  const tellOpenPorts = createOpenPorts(deps.run, deps.openPorts);
  let [askedAtReceived, askedAtMs] = [0, 0];

  /** Takes the kernel's own count, and makes room for new evidence when that is short. */
  const account = async (sink: ProbeSink): Promise<void> => {
    [askedAtReceived, askedAtMs] = [received, deps.now()];
    const count = await takeCount(deps.run);
    counted += count;
    room.note(count);
    await room.keep(sink.strong());
  };
  const accountInFlood = (sink: ProbeSink): void => {
    if (received - askedAtReceived < ASK_AFTER_PROBES || deps.now() - askedAtMs < ASK_EVERY_MS) return;
    account(sink).catch((error: Error) => deps.log(error.message));
  };

  const handle = (sink: ProbeSink) => (packet: CapturedPacket) => {
    const record = packet.linkType === LINKTYPE_NFLOG ? decodeNflog(packet.bytes) : undefined;
    const isClient = record?.prefix === CLIENT_PROBE_PREFIX;
    const isProbe = isClient || record?.prefix === PROBE_PREFIX;
    if (isProbe) received++;
    accountInFlood(sink);
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
      await takeCount(deps.run);
      capture = await keepRunning(begin(to), { name: `tcpdump on nflog:${nflogGroup}`, log: deps.log });
    },
    async lost() {
      await tellOpenPorts();
      if (sink !== undefined) await account(sink);
      // Only here, half a minute apart: what is on its way at one look has come by the next.
      loss.note(counted, received);
      return loss.probes + room.forgotten;
    },
    async stop() {
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

/**
 * How many probes the kernel's table has told since the last look; 0 while there is no table. `reset`, since `list` has
 * nft read all elements of all sets first: seconds when they are full.
 */
async function takeCount(run: Runner): Promise<number> {
  const { status, stdout } = await run({
    argv: ['nft', '-j', 'reset', 'counter', ...TABLE.split(' '), 'probes'],
  });
  if (status !== 0) return 0;
  const { nftables } = JSON.parse(stdout) as { nftables: { counter?: { packets: number } }[] };
  return nftables.find((entry) => entry.counter !== undefined)?.counter?.packets ?? 0;
}
