import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { captureDecoder } from '../decode/capture.ts';
import { linkProblem } from '../decode/link.ts';
import type { Packet } from '../decode/packet.ts';
import { packetDecoder } from '../decode/packet-decoder.ts';
import { type KeptChild, keepRunning } from '../run/keep-running.ts';
import { type ListeningChild, type ListeningCommand, startListening } from '../run/listening-child.ts';
import { createDrops } from './capture-drops.ts';
import { createFlow, type Flow } from './capture-handover.ts';
import type { CaptureSystem } from './capture-system.ts';

/** What captures depend on. */
export interface ChildrenDeps {
  readonly system: CaptureSystem;
  readonly onPacket: (packet: Packet) => void;
  readonly log: (message: string) => void;
}

/** The captures that run, one for each interface. */
export interface Children {
  /**
   * Makes the captures so: of these interfaces, with this filter. A new one listens before the one it replaces ends, and
   * tells from where that ended.
   *
   * @throws when not even one interface can be captured
   */
  apply(interfaces: readonly string[], filter: string): Promise<void>;
  /** Packets that the kernel dropped for want of room, since the beginning. */
  dropped(): Promise<number>;
  stop(): Promise<void>;
}

/** tcpdump tells its counts when it gets SIGINFO where there is one, else SIGUSR1. */
const TELL = 'SIGINFO' in constants.signals ? 'SIGINFO' : 'SIGUSR1';

/** What says that a capture listens: tcpdump's `listening on`, snoop's `Using device`. */
const READY = /listening on|Using device/;

/**
 * How long two captures of an interface run side by side, ms. Of a packet and its answer the one may reach only the old
 * capture and the other both: the old one must have told both before it ends, or the answer would come first.
 */
const OVERLAP_MS = 500;

interface Capture {
  readonly filter: string;
  readonly kept: KeptChild;
  readonly flow: Flow;
}

export function createChildren({ system, onPacket, log }: ChildrenDeps): Children {
  const running = new Map<string, Capture>();
  const drops = createDrops();
  /** Why an interface cannot be captured: said once, tried again and again. */
  const refused = new Map<string, string>();

  const start = (interfaceName: string, filter: string, flow: Flow) => async (): Promise<ListeningChild> => {
    const counted = drops.of();
    const onData = reader(interfaceName === system.anyInterface ? undefined : interfaceName, {
      onPacket: flow.take,
      onLost: counted.is,
      onDamage: (reason) => log(`${system.program} on ${interfaceName}: ${reason}`),
    });
    const argv = system.argv(interfaceName, filter);
    try {
      const child = await startListening({ argv, ready: READY, onData, onWords: counted.words });
      void child.ended.then(counted.ended);
      return child;
    } catch (error) {
      counted.ended();
      throw error;
    }
  };
  const replace = async (interfaceName: string, filter: string): Promise<void> => {
    const before = running.get(interfaceName);
    if (before?.filter === filter) return;
    const name = `${system.program} on ${interfaceName}`;
    const flow = createFlow(onPacket, before !== undefined);
    const kept = await keepRunning(start(interfaceName, filter, flow), { name, log }).catch(
      ({ message }: Error) => {
        if (refused.get(interfaceName) !== message) log(`${name}: ${message}`);
        refused.set(interfaceName, message);
      },
    );
    if (kept === undefined) return;
    refused.delete(interfaceName);
    running.set(interfaceName, { filter, kept, flow });
    if (before === undefined) return;
    await sleep(OVERLAP_MS);
    await before.kept.stop();
    flow.release(before.flow.lastAtMs);
  };
  const end = async (interfaceName: string): Promise<void> => {
    const capture = running.get(interfaceName);
    running.delete(interfaceName);
    await capture?.kept.stop();
  };

  return {
    async apply(interfaces, filter) {
      await Promise.all(interfaces.map((name) => replace(name, filter)));
      await Promise.all([...running.keys()].filter((name) => !interfaces.includes(name)).map(end));
      if (running.size === 0)
        throw new Error(`no interface can be captured: ${[...refused.values()].join('; ') || 'none is up'}`);
    },
    async dropped() {
      // snoop would end of the signal; it tells what it lost in each record.
      if (system.program === 'tcpdump') {
        for (const { kept } of running.values()) kept.current?.kill(TELL);
        await drops.told(running.size);
      }
      return drops.total();
    },
    async stop() {
      await Promise.all([...running.keys()].map(end));
    },
  };
}

interface ReaderEvents {
  readonly onPacket: (packet: Packet) => void;
  readonly onLost: (packets: number) => void;
  readonly onDamage: (reason: string) => void;
}

/** Reads what a capture writes. Its packets get the interface's name where the link layer does not tell it. */
function reader(interfaceName: string | undefined, events: ReaderEvents): ListeningCommand['onData'] {
  const [decode, packets] = [captureDecoder(), packetDecoder()];
  let isDamaged = false;
  return (chunk, end) => {
    const damage = (reason: string): void => {
      if (!isDamaged) events.onDamage(reason);
      isDamaged = true;
      end();
    };
    const step = decode(chunk);
    if (!step.ok) return damage(step.reason);
    for (const captured of step.packets) {
      const problem = linkProblem(captured.linkType);
      if (problem !== undefined) return damage(problem);
      if (captured.lost !== undefined) events.onLost(captured.lost);
      const packet = packets.decode(captured);
      if (packet === undefined) continue;
      const { link } = packet;
      events.onPacket(interfaceName === undefined ? packet : { ...packet, link: { interfaceName, ...link } });
    }
  };
}
