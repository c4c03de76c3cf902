import { constants } from 'node:os';
import { captureDecoder } from '../decode/capture.ts';
import { linkProblem } from '../decode/link.ts';
import type { Packet } from '../decode/packet.ts';
import { packetDecoder } from '../decode/packet-decoder.ts';
import { type KeptChild, keepRunning } from '../run/keep-running.ts';
import { type ListeningChild, startListening } from '../run/listening-child.ts';
import { createDrops } from './capture-drops.ts';
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
   * Makes the captures so: of these interfaces, with this filter. A new one listens before the one it replaces ends: what
   * both see counts once all the same.
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

interface Capture {
  readonly filter: string;
  readonly kept: KeptChild;
}

export function createChildren({ system, onPacket, log }: ChildrenDeps): Children {
  const running = new Map<string, Capture>();
  const drops = createDrops();

  const start = (interfaceName: string, filter: string) => (): Promise<ListeningChild> => {
    const counted = drops.of();
    let child: ListeningChild | undefined;
    const read = reader(interfaceName === system.anyInterface ? undefined : interfaceName, {
      onPacket,
      onLost: counted.is,
      onDamage(reason) {
        log(`${system.program} on ${interfaceName}: ${reason}`);
        child?.kill('SIGTERM');
      },
    });
    const argv = system.argv(interfaceName, filter);
    const starting = startListening({ argv, ready: READY, onData: read, onWords: counted.words });
    return starting.then((started) => {
      child = started;
      return started;
    });
  };
  const replace = async (interfaceName: string, filter: string): Promise<void> => {
    const before = running.get(interfaceName);
    if (before?.filter === filter) return;
    const name = `${system.program} on ${interfaceName}`;
    const kept = await keepRunning(start(interfaceName, filter), { name, log });
    running.set(interfaceName, { filter, kept });
    await before?.kept.stop();
  };
  const end = async (interfaceName: string): Promise<void> => {
    const capture = running.get(interfaceName);
    running.delete(interfaceName);
    await capture?.kept.stop();
  };

  return {
    async apply(interfaces, filter) {
      const outcomes = await Promise.allSettled(interfaces.map((name) => replace(name, filter)));
      const errors = outcomes.flatMap((o) => (o.status === 'rejected' ? [o.reason as Error] : []));
      for (const { message } of errors) log(message);
      await Promise.all([...running.keys()].filter((name) => !interfaces.includes(name)).map(end));
      if (running.size === 0) throw new Error('no interface can be captured', { cause: errors[0] });
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
function reader(interfaceName: string | undefined, events: ReaderEvents): (chunk: Uint8Array) => void {
  const [decode, packets] = [captureDecoder(), packetDecoder()];
  let isDamaged = false;
  const damage = (reason: string): void => {
    if (!isDamaged) events.onDamage(reason);
    isDamaged = true;
  };
  return (chunk) => {
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
