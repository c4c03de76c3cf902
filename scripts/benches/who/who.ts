import type { Lab } from '../../lab/lab.ts';

/** Settings under which somebody watches, beside its defaults. */
export type Variant = {
  /** A TCP port on which one probe trips. Only Picket has that. */
  tripwire?: number;
};

/** Somebody at work on a host. */
export type Watcher = {
  /** Whether its own report (log, system log) names an address as that of a scanner. */
  reports: (source: string) => Promise<boolean>;
  /** Its processes, by number, as they are now. */
  processes: () => Promise<number[]>;
};

/** One that watches a host: an engine of Picket, a peer, or nobody. */
export type Who = {
  name: string;
  /** Longest it may take from the last probe to its block, ms. */
  patienceMs: number;
  /** Whether its sockets' counters tell what it missed. Nobody else can read those of packet sockets. */
  socketsTellDrops: boolean;
  /** Makes ready what it is started from; says why that cannot be. */
  prepare: () => Promise<string | undefined>;
  /** Starts it on a host of the lab and waits until it watches. It ends with the lab. */
  start: (lab: Lab, host: string, variant?: Variant) => Promise<Watcher>;
  /** How it differs from its defaults, for the reader. */
  settings: readonly { setting: string; why: string }[];
};

/** A host without anybody: shows that the packets arrive, and what it answers by itself. */
export const NONE: Who = {
  name: 'none',
  patienceMs: 0,
  socketsTellDrops: true,
  prepare: async () => undefined,
  start: async () => ({ reports: async () => false, processes: async () => [] }),
  settings: [],
};
