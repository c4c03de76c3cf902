import type { Cidr, Source, Tier } from '@picket/protocol';

/** A block that this host decided itself. */
export interface LocalBlock {
  readonly source: Source;
  /** Unix ms at which it ends by itself. */
  readonly untilMs: number;
  readonly tier: Tier;
  /** `kernel`: the packet filter added it in the tripping packet itself; else it is for the backend to add. */
  readonly decidedBy: 'kernel' | 'agent' | 'person';
}

/** A block that the collector decided for the network; times are already in this host's clock. */
export interface SharedBlock {
  readonly source: Source;
  readonly untilMs: number;
  /** How hard this host's policy refuses it. */
  readonly tier: Tier;
  /** Whether its address is proven to be its own: what is not holds against no client of this host. */
  readonly isProven?: boolean;
}

/** Networks that a host treats apart. */
export interface Networks {
  /** Never blocked and never counted, whatever blocks say. */
  readonly allow: readonly Cidr[];
  /** Directly connected IPv6 networks: their addresses count one by one. */
  readonly onLink: readonly Cidr[];
  /** The network's own hosts, which `allow` names too: what they ask for on unused ports is told, and never counted. */
  readonly siblings?: readonly Cidr[];
}

/** How a backend stands before any block is known. */
export interface Stance extends Networks {
  /**
   * Whether blocks are carried out. False (mode `observe`, or a pause): detection goes on and blocks are kept with their
   * ends, but no packet is refused.
   */
  readonly enforce: boolean;
}

/** What a host itself wants of its firewall. Whatever is not named is not blocked, but for the network's list. */
export interface Desired extends Stance {
  readonly local: ReadonlyMap<Source, LocalBlock>;
  /** Sources lifted since the last change that was carried out: a kernel that decides may hold them, and nobody knows yet. */
  readonly lifted?: ReadonlySet<Source>;
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
   * Puts the network's list in force in place of the one before, as {@link apply} does for the host's own blocks. It may
   * be long, so it may run beside `apply`, which must not wait for it.
   */
  share(shared: ReadonlyMap<Source, SharedBlock>): Promise<void>;
  /**
   * The local blocks in force, with the packets refused so far as far as the backend counts them. A backend that finds
   * its own gone while it looks puts it back.
   */
  look(): Promise<CountedBlock[]>;
  /**
   * Calls back each time that another program took away or changed what the backend made. Backends that cannot notice
   * leave it out, and are looked at now and then.
   */
  watch?(onChange: () => void): Promise<void>;
  /** Removes all that the backend made. Ending the agent does not call it: blocks outlive the agent. */
  remove(): Promise<void>;
  /** Ends what the backend has running, such as a writer that stays. Blocks stay in force. */
  close?(): Promise<void>;
}

/** A firewall command that failed. The message has the command's own words. */
export class FirewallError extends Error {
  readonly code = 'firewall_failed';
  override readonly name = 'FirewallError';
}
