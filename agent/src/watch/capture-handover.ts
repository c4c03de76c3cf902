import type { Packet } from '../decode/packet.ts';

/** Most packets that wait at a handover; beyond it they go on, and what both captures saw is told twice. */
const MOST_HELD = 65_536;

/** Where the packets of one capture go. */
export interface Flow {
  take(packet: Packet): void;
  /** Time of the last packet, Unix ms. */
  readonly lastAtMs: number;
  /** Ends the wait: what is younger than the given time goes on, and whatever comes from now. */
  release(afterMs: number): void;
}

/**
 * A flow whose packets wait while an older capture of the same interface tells the same: so each is told once, and none
 * before what it answers.
 *
 * @param isHeld whether there is an older one
 */
export function createFlow(onPacket: (packet: Packet) => void, isHeld: boolean): Flow {
  let held: Packet[] | undefined = isHeld ? [] : undefined;
  let lastAtMs = Number.NEGATIVE_INFINITY;
  const release = (afterMs: number): void => {
    const waited = held ?? [];
    held = undefined;
    for (const packet of waited) if (packet.atMs > afterMs) onPacket(packet);
  };
  return {
    take(packet) {
      lastAtMs = packet.atMs;
      if (held === undefined) return onPacket(packet);
      held.push(packet);
      if (held.length >= MOST_HELD) release(Number.NEGATIVE_INFINITY);
    },
    get lastAtMs() {
      return lastAtMs;
    },
    release,
  };
}
