import type { Probe } from '../probe.ts';
import { isListed, type Listeners } from './listeners.ts';
import { SERVED_MS, type Served } from './served.ts';
import type { Talks } from './talks.ts';
import { type Candidate, createWaiting } from './waiting.ts';

/**
 * How long after a packet a list of listeners must be read to say that its port was unused, ms. A service that opens
 * takes its port and is asked for it within the same second; who comes a moment too early is forgiven. A host that
 * answers with RST or "unreachable" has decided before: its scanner is counted at once. One that stays silent gives nothing
 * away in that second. Weak evidence waits for a list read after the packet, no longer: it takes a dozen ports, and no
 * service opens those within a second.
 */
const OPENING_MS = { better: 1_000, weak: 0 } as const;

/** Longest a packet takes from the wire to here while the pipe is idle, ms: tcpdump in immediate mode takes 0.2. */
const DELIVERY_MS = 100;

/** A packet so much older than the one before shows that the clock was set back, ms. */
const STEP_MS = 60_000;

/**
 * Most packets that wait at once; 16,384 of about 600 bytes are 10 MB. In a faster flood the oldest is decided early, by the
 * latest list, so that a flood cannot hide a scan: what counts of it is for the bounds of the tracks. The weak ones (ACK,
 * Maimon) have a room of their own, and are forgotten: they must not be hasty.
 */
const MOST_WAITING = 16_384;
const MOST_WEAK_WAITING = 4_096;

/** Decides what cannot be decided at the time of the packet. */
export interface Verdicts {
  /** Lets a suspicion wait for an answer of this host or for news of its listeners, unless its port is forgiven. */
  wait(candidate: Candidate): void;
  isWaiting(key: string): boolean;
  /** This host refused the packet: that decides at once. */
  refuse(key: string): Probe[];
  /** This host served the packet. */
  serve(key: string): void;
  /** A list of listeners was read. */
  list(listeners: Listeners, takenAtMs: number): void;
  /** All packets up to this one were taken. */
  see(atMs: number): void;
  /** Nothing is in the pipe at the time. */
  drain(nowMs: number): void;
  /** Gives what is decided by now. */
  settle(): Probe[];
  readonly wantsListenersAtMs: number | undefined;
  readonly waiting: number;
  readonly forgotten: number;
}

/** Verdicts on what is known of served ports and of talks; nothing waits yet. */
export function createVerdicts(served: Served, talks: Talks): Verdicts {
  const rooms = { better: createWaiting(MOST_WAITING), weak: createWaiting(MOST_WEAK_WAITING) };
  const both = [
    { room: rooms.better, openingMs: OPENING_MS.better },
    { room: rooms.weak, openingMs: OPENING_MS.weak },
  ];
  let latest: { readonly listeners: Listeners; readonly takenAtMs: number } | undefined;
  let seenUntilMs = Number.NEGATIVE_INFINITY;
  let early: Candidate[] = [];
  let forgotten = 0;

  const isForgiven = ({ probe: { transport, port, atMs }, isStrict }: Candidate): boolean =>
    served.since(transport, port, isStrict ? atMs : atMs - SERVED_MS);

  const isUnused = (candidate: Candidate): boolean => {
    const { transport, port, atMs } = candidate.probe;
    const hasSent = transport === 'udp' && served.sentSince(port, atMs);
    return !hasSent && !isForgiven(candidate);
  };

  /** Of what nothing refused, flags that a connection may explain and leftovers are let go. */
  const countsUnanswered = (candidate: Candidate): boolean =>
    candidate.kind !== 'odd' &&
    !(candidate.kind === 'weak' && talks.knows(candidate.key, candidate.probe.atMs)) &&
    isUnused(candidate);

  return {
    wait(candidate) {
      if (!candidate.isStrict && isForgiven(candidate)) return;
      const isWeak = candidate.kind === 'weak';
      const squeezed = (isWeak ? rooms.weak : rooms.better).add(candidate);
      if (squeezed === undefined) return;
      if (isWeak || latest === undefined) forgotten++;
      else early.push(squeezed);
    },
    isWaiting: (key) => rooms.better.get(key) !== undefined,
    refuse(key) {
      // An ACK is refused by a port with a listener too, so the weak ones wait on.
      const candidate = rooms.better.get(key);
      if (candidate === undefined) return [];
      const { transport, port } = candidate.probe;
      // Firewalls refuse in the same words what has a listener.
      if (isListed(latest?.listeners, transport, port)) return [];
      rooms.better.drop(key);
      return candidate.kind === 'odd' || isUnused(candidate) ? [candidate.probe] : [];
    },
    serve: (key) => rooms.better.drop(key),
    list(listeners, takenAtMs) {
      for (const transport of ['tcp', 'udp', 'sctp'] as const) {
        for (const port of listeners[transport]) served.note(transport, port, takenAtMs);
      }
      latest = { listeners, takenAtMs };
    },
    see(atMs) {
      if (atMs >= seenUntilMs - STEP_MS) {
        seenUntilMs = Math.max(seenUntilMs, atMs);
        return;
      }
      // Times from before a step of the clock say nothing any more.
      for (const { room } of both) while (room.shift(Number.POSITIVE_INFINITY) !== undefined) forgotten++;
      latest = undefined;
      seenUntilMs = atMs;
    },
    drain(nowMs) {
      seenUntilMs = Math.max(seenUntilMs, nowMs - DELIVERY_MS);
    },
    settle() {
      if (latest === undefined) return [];
      const knownUntilMs = Math.min(latest.takenAtMs, seenUntilMs);
      const probes = early.filter(countsUnanswered).map(({ probe }) => probe);
      early = [];
      for (const { room, openingMs } of both) {
        const untilMs = knownUntilMs - openingMs;
        for (let next = room.shift(untilMs); next !== undefined; next = room.shift(untilMs)) {
          if (countsUnanswered(next)) probes.push(next.probe);
        }
      }
      return probes;
    },
    get wantsListenersAtMs() {
      const times = both.flatMap(({ room: { sinceMs }, openingMs }) =>
        sinceMs === undefined ? [] : sinceMs + openingMs,
      );
      const wanted = Math.min(...times);
      return times.length === 0 || (latest?.takenAtMs ?? 0) >= wanted ? undefined : wanted;
    },
    get waiting() {
      return rooms.better.size + rooms.weak.size;
    },
    get forgotten() {
      return forgotten;
    },
  };
}
