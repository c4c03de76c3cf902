import type { Lab } from '../lab.ts';

/** Where ordinary traffic is made: a lab whose host `a` is watched. */
export interface Stage {
  readonly lab: Lab;
  /** Packets of those kinds that come by the thousand: fewer where they are kept in a file. */
  readonly flood: number;
  /** Seconds after which leftovers of connections come again; 0 where time is compressed. */
  readonly waits: readonly number[];
  /** Takes conntrack's memory from the watched host, and what an engine remembers for two minutes only. */
  readonly forget: () => Promise<void>;
  /** Lets the watchers look at what the host serves, as an agent does every half minute. */
  readonly look: () => Promise<void>;
}

/** A kind of traffic that accuses nobody. */
export interface Kind {
  /** Names the case of the benchmark and the capture. */
  readonly name: string;
  readonly about: string;
  /** Makes the traffic, and ends what it started. */
  readonly run: (stage: Stage) => Promise<void>;
}

/** The watched host. */
export const HOST = 'a';

/** The host that stands behind the watched one as a container does. */
export const BOX = 'box';

/** Hosts of a lab for ordinary traffic. */
export const HOSTS = [HOST, BOX] as const;
