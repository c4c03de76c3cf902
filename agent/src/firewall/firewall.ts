import type { Cidr, Source, Tier } from '@picket/protocol';

/** A block that this host decided itself. */
export interface LocalBlock {
  readonly source: Source;
  /** Unix ms at which it ends by itself. */
  readonly untilMs: number;
  readonly tier: Tier;
  /** `kernel`: the packet filter added it in the tripping packet itself; `agent`: it is for the backend to add. */
  readonly decidedBy: 'kernel' | 'agent';
}

/** A block that the collector decided for the network; times are already in this host's clock. */
export interface SharedBlock {
  readonly source: Source;
  readonly untilMs: number;
  readonly tier: Tier;
}

/** Networks that a host treats apart. */
export interface Networks {
  /** Never blocked and never counted, whatever blocks say. */
  readonly allow: readonly Cidr[];
  /** Directly connected IPv6 networks: their addresses count one by one. */
  readonly onLink: readonly Cidr[];
}

/** How a backend stands before any block is known. */
export interface Stance extends Networks {
  /**
   * Whether blocks are carried out. False (mode `observe`, or a pause): detection goes on and blocks are kept with their
   * ends, but no packet is refused.
   */
  readonly enforce: boolean;
}

/** All that a host wants of its firewall. Whatever is not named is not blocked. */
export interface Desired extends Stance {
  readonly local: ReadonlyMap<Source, LocalBlock>;
  readonly shared: ReadonlyMap<Source, SharedBlock>;
}

/** A local block found in force when the agent started. */
export interface FoundBlock {
  readonly source: Source;
  readonly untilMs: number;
  readonly tier: Tier;
}

/** A local block in force and what it has refused. */
export interface CountedBlock extends FoundBlock {
  readonly packets: number;
}

/** What refuses packets on a host. */
export interface Firewall {
  /** The backend's name in reports. */
  readonly name: string;
  /** Whether packets are really refused; false only for `log-only`. */
  readonly enforces: boolean;
  /**
   * Sets the backend up without touching blocks in force, and tells the local ones that it found. From the first
   * packet on the networks are treated apart.
   */
  open(stance: Stance): Promise<FoundBlock[]>;
  /** Makes the wanted state so; the same state twice is the same as once. Throws {@link FirewallError}. */
  apply(want: Desired): Promise<void>;
  /**
   * The local blocks in force, with the packets refused so far as far as the backend counts them. A backend that finds
   * its own gone while it looks puts it back.
   */
  look(): Promise<CountedBlock[]>;
  /** Removes all that the backend made. Ending the agent does not call it: blocks outlive the agent. */
  remove(): Promise<void>;
}

/** A firewall command that failed. The message has the command's own words. */
export class FirewallError extends Error {
  readonly code = 'firewall_failed';
  override readonly name = 'FirewallError';
}
