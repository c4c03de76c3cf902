import { type Address, type Cidr, type Source, sourceOf } from '@picket/protocol';
import { createGate, type GateRules } from '../detect/gate.ts';
import type { Probe } from '../detect/probe.ts';
import type { HostSockets, ReadListeners } from '../host/listeners.ts';
import { createChildren } from './capture-children.ts';
import { captureFilter } from './capture-filter.ts';
import { createOpenPorts } from './capture-open-ports.ts';
import type { CaptureSystem } from './capture-system.ts';
import type { Engine, ProbeSink } from './engine.ts';

/** What the capture engine depends on. */
export interface CaptureDeps {
  readonly system: CaptureSystem;
  readonly rules: (sourceOf: (address: Address) => Source) => GateRules;
  readonly readListeners: ReadListeners;
  /** Directly connected IPv6 networks, whose addresses are sources of their own. */
  readonly readOnLink: () => Promise<readonly Cidr[]>;
  /** Interfaces to capture, by name, as of now. */
  readonly interfaces: () => readonly string[];
  /** Unix ms, of the clock that stamps packets. */
  readonly now: () => number;
  readonly log: (message: string) => void;
}

/** How often packets that wait are looked at, ms, while some do. */
const DUE_EVERY_MS = 50;

/** How often listeners, addresses and interfaces are looked at without need, ms: a port that closed is watched again. */
const REFRESH_MS = 10_000;

/** A look at the listeners may take up to a fiftieth of the time, however many sockets there are. */
const LOOK_SHARE = 50;

/** Longest pause between two looks that are wanted, ms: one slow look on a busy machine must not hold up all judgement. */
const MOST_PAUSE_MS = 2_000;

/**
 * The capture engine: tcpdump or snoop passes candidates, the gate decides which are probes by what the host answers and
 * what it serves. The agent's own tracks decide when a source trips.
 */
export function createCaptureEngine(deps: CaptureDeps): Engine {
  const { system, readListeners, now, log } = deps;
  let onLink: readonly Cidr[] = [];
  let sink: ProbeSink | undefined;
  let own: readonly Address[] = [];
  let ownSet: ReadonlySet<Address> = new Set();
  let stopped = false;
  let dueTimer: NodeJS.Timeout | undefined;
  let refreshTimer: NodeJS.Timeout | undefined;
  let looking: Promise<HostSockets> | undefined;
  let nextLookAtMs = 0;
  /** What is done to the children, one after the other. */
  let applying: Promise<void> = Promise.resolve();
  const rules = deps.rules((address) => sourceOf(address, onLink));
  const gate = createGate(rules);
  const open = createOpenPorts();

  const pass = (probes: readonly Probe[]): void => {
    for (const probe of probes) sink?.probe(probe);
    if (gate.waiting > 0 && dueTimer === undefined && !stopped) dueTimer = setTimeout(due, DUE_EVERY_MS);
  };
  const due = (): void => {
    dueTimer = undefined;
    const nowMs = now();
    if (nowMs >= (gate.wantsListenersAtMs ?? Number.POSITIVE_INFINITY) && nowMs >= nextLookAtMs)
      look().catch(complain);
    pass(gate.due(now()));
  };
  let lastComplaint = '';
  /** What fails is tried again soon: the same words are said once. */
  const complain = ({ message }: Error): void => {
    if (message !== lastComplaint) log(message);
    lastComplaint = message;
  };
  const children = createChildren({
    ...{ system, log },
    onPacket(packet) {
      if (ownSet.has(packet.source)) open.noteSent(packet);
      pass(gate.take(packet));
    },
  });

  /** Reads the listeners, not twice at once. The list is as old as the beginning of the look. */
  const look = (): Promise<HostSockets> => {
    const takenAtMs = now();
    looking ??= readListeners()
      .then((sockets) => {
        pass(gate.learn(sockets.listeners, takenAtMs, sockets.connections));
        return sockets;
      })
      .finally(() => {
        looking = undefined;
        const tookMs = now() - takenAtMs;
        nextLookAtMs = takenAtMs + Math.max(system.lookEveryMs, Math.min(LOOK_SHARE * tookMs, MOST_PAUSE_MS));
      });
    return looking;
  };
  const apply = (): Promise<void> => {
    applying = applying
      .catch(() => {})
      .then(async () => {
        if (stopped || own.length === 0) return;
        const filter = captureFilter({
          ...{ own, ...open.at(now()), limits: system.limits },
          ...{ ignored: rules.ignored, ephemeral: rules.ephemeral },
        });
        await children.apply(deps.interfaces(), filter);
      });
    return applying;
  };
  const refresh = async (): Promise<void> => {
    onLink = await deps.readOnLink();
    open.note(await look());
    await apply();
  };
  const again = (): void => {
    if (stopped) return;
    refreshTimer = setTimeout(() => {
      refresh().catch(complain).finally(again);
    }, REFRESH_MS);
  };

  const stop = async (): Promise<void> => {
    stopped = true;
    clearTimeout(dueTimer);
    clearTimeout(refreshTimer);
    await applying.catch(() => {});
    await children.stop();
  };

  return {
    name: 'capture',
    decides: false,
    setAddresses(addresses) {
      const before = own.join();
      own = addresses.filter((address) => !isLoopback(address)).toSorted();
      ownSet = new Set(own);
      gate.setAddresses(addresses);
      if (sink !== undefined && own.join() !== before) apply().catch(complain);
    },
    knowsClient: gate.isClient,
    async start(to) {
      sink = to;
      try {
        await refresh();
        if (own.length === 0) throw new Error('the capture engine was told no address of this host');
        // Connections that began between the first look and the first packet are known from now on.
        await look();
      } catch (error) {
        // Who cannot start leaves no capture behind.
        await stop();
        throw error;
      }
      again();
    },
    async lost() {
      return (await children.dropped()) + gate.forgotten;
    },
    stop,
  };
}

function isLoopback(address: Address): boolean {
  return address === '::1' || address.startsWith('127.');
}
