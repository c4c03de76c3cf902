import type { Address, Source } from '@picket/protocol';
import type { Probe } from '../detect/probe.ts';
import type { Track } from '../detect/track.ts';

/**
 * What a deciding engine did about a trip: `held`, it blocked the source; `client`, it blocked nobody, since forgeable
 * evidence blocks no known client; `limited`, it blocked nobody, since forgeable evidence had blocked too many already.
 */
export type TripOutcome = 'held' | 'client' | 'limited';

/** Where an engine puts what it sees. */
export interface ProbeSink {
  /** A probe, once per distinct source and port where the engine can tell. */
  probe(probe: Probe): void;
  /** A probe with which a source crossed the threshold. Only engines that decide call it. */
  trip(probe: Probe, outcome: TripOutcome): void;
  /** What is known of sources with more than one contact, the youngest last: the evidence to keep when room is short. */
  strong(): Iterable<Track>;
}

/** What an engine that decides does about a source by itself: `held`, it is refused; `muted`, its probes get no answer. */
export interface EngineHold {
  readonly what: 'held' | 'muted';
  /** Unix ms. */
  readonly untilMs: number;
  /** Packets refused, or left without an answer. */
  readonly packets: number;
}

/** How a host watches its unused ports. */
export interface Engine {
  readonly name: 'kernel' | 'capture' | 'connect';
  /** Whether the engine itself decides when a source trips; else the agent's tracks do. */
  readonly decides: boolean;
  /** Begins to watch; resolves when probes are seen. */
  start(sink: ProbeSink): Promise<void>;
  /** What the host's own addresses are now: told at start and when they change. */
  setAddresses(own: readonly Address[]): void;
  /** Whether the host knows the source as a client (had a real connection) at the time, Unix ms. */
  knowsClient(source: Source, atMs: number): boolean;
  /** The same for now, of whoever decides: for a person who asks. Engines without it know by themselves. */
  askForClient?(source: Source): Promise<boolean>;
  /** What the engine does about a source now, also when its news are still on the way: for a person who asks. */
  askForHold?(source: Source): Promise<EngineHold | undefined>;
  /**
   * Takes back what the engine does about a source beside its block, and what brought it near another; without a source,
   * what it does about anybody.
   */
  forgive?(source?: Source): Promise<void>;
  /** Probes the engine knows that it did not pass on, or forgot for want of room, since it started. */
  lost(): Promise<number>;
  stop(): Promise<void>;
}
