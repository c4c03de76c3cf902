import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { decodeNflog } from '../decode/nflog.ts';
import { type CapturedPacket, LINKTYPE_NFLOG, pcapDecoder } from '../decode/pcap.ts';
import { decodeProbe } from '../decode/probe.ts';
import { PROBE_PREFIX, TABLE, TRIP_PREFIX } from '../nft/names.ts';
import type { RulesetPolicy } from '../nft/ruleset-policy.ts';
import type { Runner } from '../run/runner.ts';
import type { Engine, ProbeSink } from './engine.ts';
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
  /** Ports that are served without a TCP or UDP socket. */
  readonly openPorts: () => Promise<readonly OpenPort[]>;
}

/** First and longest pause before a capture that died is started again, ms. */
const RESTART_FIRST_MS = 100;
const RESTART_MOST_MS = 5_000;

/** Longest wait for tcpdump to say that it listens, ms. */
const START_LIMIT_MS = 5_000;

/** After so many probes, and so long at least, the kernel is asked how many there really were, ms: a flood is not told whole. */
const ASK_AFTER_PROBES = 1_000;
const ASK_EVERY_MS = 1_000;

type Capture = ChildProcessByStdio<null, Readable, Readable>;

/**
 * The kernel engine: the nftables table decides, and tells probes and trips over an NFLOG group, which tcpdump turns
 * into a pcap stream (no native addon). While no agent reads, the kernel goes on detecting and blocking.
 */
export function createKernelEngine(deps: KernelDeps): Engine {
  let capture: Capture | undefined;
  let [stopped, restartMs, received] = [false, RESTART_FIRST_MS, 0];
  let counted = 0;
  let sink: ProbeSink | undefined;
  let restart: NodeJS.Timeout | undefined;
  const { nflogGroup } = deps.ruleset;
  const room = createRoom(deps);
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
    const probe = record && decodeProbe(record.payload, packet.atMs);
    if (record?.prefix === PROBE_PREFIX) received++;
    accountInFlood(sink);
    if (probe === undefined) return;
    if (record?.prefix === PROBE_PREFIX) sink.probe(probe);
    else if (record?.prefix === TRIP_PREFIX) sink.trip(probe);
  };

  const again = (sink: ProbeSink): void => {
    clearTimeout(restart);
    restart = setTimeout(() => {
      begin(sink).catch((error: Error) => {
        deps.log(error.message);
        if (!stopped) again(sink);
      });
    }, restartMs);
    restartMs = Math.min(restartMs * 2, RESTART_MOST_MS);
  };

  const begin = async (sink: ProbeSink): Promise<void> => {
    await endOrphan(nflogGroup, captureArgv(nflogGroup));
    if (stopped) return;
    const child = startCapture(nflogGroup, handle(sink), deps.log);
    capture = child;
    child.once('close', (status, signal) => {
      if (stopped || capture !== child) return;
      deps.log(`tcpdump ended (${signal ?? `status ${status}`}); probes are not told until it runs again`);
      again(sink);
    });
    await listening(child);
    restartMs = RESTART_FIRST_MS;
  };

  return {
    name: 'kernel',
    decides: true,
    setAddresses() {},
    knowsClient: () => false,
    async start(to) {
      sink = to;
      await takeCount(deps.run);
      await begin(to);
    },
    async lost() {
      await tellOpenPorts();
      if (sink !== undefined) await account(sink);
      return Math.max(0, counted - received) + room.forgotten;
    },
    async stop() {
      stopped = true;
      clearTimeout(restart);
      const child = capture;
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const closed = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGTERM');
      await closed;
    },
  };
}

function captureArgv(group: number): string[] {
  return ['tcpdump', '-i', `nflog:${group}`, '--immediate-mode', '-n', '-U', '-w', '-'];
}

function startCapture(
  group: number,
  onPacket: (packet: CapturedPacket) => void,
  log: (m: string) => void,
): Capture {
  const [command = '', ...args] = captureArgv(group);
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const decode = pcapDecoder();
  child.stdout.on('data', (chunk: Buffer) => {
    const step = decode(chunk);
    if (step.ok) return void step.packets.forEach(onPacket);
    log(step.reason);
    child.kill('SIGTERM');
  });
  child.on('error', (error) => log(`tcpdump: ${error.message}`));
  return child;
}

/** Resolves when tcpdump says that it listens: only then may the table be loaded, or the first probes go untold. */
async function listening(child: Capture): Promise<void> {
  let [said, timer]: [string, NodeJS.Timeout | undefined] = ['', undefined];
  try {
    await new Promise<void>((resolve, reject) => {
      const fail = (why: string) => reject(new Error(`tcpdump does not listen: ${why} ${said.trim()}`));
      timer = setTimeout(() => fail('no word in time'), START_LIMIT_MS);
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        said = (said + text).slice(-2_000);
        if (said.includes('listening on')) resolve();
      });
      child.once('error', () => fail('it cannot be started'));
      child.once('close', () => fail('it ended'));
    });
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  } finally {
    clearTimeout(timer);
  }
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
