import type {
  Address,
  BlockEntry,
  Cidr,
  NeverBlockFacts,
  NeverBlockReason,
  Source,
  Tier,
} from '@picket/protocol';
import type { BookedBlock } from './blocks/book.ts';
import type { Keeper } from './blocks/keeper.ts';
import type { Offences } from './blocks/offences.ts';
import type { Allowance, Allowances } from './control/allowances.ts';
import type { Lifted } from './control/lifted.ts';
import type { Stance, StanceNow } from './control/stance.ts';
import type { Probe } from './detect/probe.ts';
import type { Track } from './detect/track.ts';
import type { Firewall } from './firewall/firewall.ts';
import type { HostFacts } from './host/facts.ts';
import type { Policy } from './policy/policy.ts';
import type { Log } from './report/log.ts';
import type { Responder } from './respond/responder.ts';
import type { Outgoing } from './uplink/outbox.ts';
import type { Engine, EngineHold, TripOutcome } from './watch/engine.ts';

/** The network's block list as this host accepted it; times are in this host's clock. */
export interface SharedList {
  readonly entries: ReadonlyMap<Source, BlockEntry>;
  /** The same and more as the collector signed them, ends in its clock. */
  readonly signed: ReadonlyMap<Source, BlockEntry>;
  readonly allow: readonly Cidr[];
  /** Those of `allow` that are the network's own hosts: probes from them are told loudly. */
  readonly hosts: readonly Cidr[];
  /** Sources that the last change took off the list. */
  readonly removed: readonly Source[];
  /** There while the network is in observe mode. */
  readonly observe?: { readonly untilMs?: number | undefined } | undefined;
}

/** Why a block ended. */
export type EndReason =
  | 'its time is over'
  | 'lifted by the collector'
  | 'lifted on this host'
  | 'it is protected now';

/**
 * Why a source that crossed the threshold is not blocked all the same; see `TripOutcome`. `unproven`: the policy lets no
 * forgeable evidence block.
 */
export type SparedReason = Exclude<TripOutcome, 'held'> | 'unproven';

/** How many blocks a person lifted. */
export interface LiftedCounts {
  readonly local: number;
  readonly shared: number;
}

/** Whom the host itself tells what happens: the system log, programs, the history. */
export interface Report {
  started(stance: StanceNow): void;
  stopped(): void;
  /** `source` is what the probe's address counts as. */
  probe(probe: Probe, source: Source): void;
  blocked(block: BookedBlock, probe: Probe | undefined): void;
  ended(block: BookedBlock, why: EndReason): void;
  /** What is carried out from now on. */
  mode(stance: StanceNow): void;
  /** A person lifted all blocks, or those of a network. */
  lifted(by: string, counts: LiftedCounts, network?: Cidr): void;
  /** A source crossed the threshold and is not blocked. */
  spared(probe: Probe, source: Source, why: SparedReason): void;
  /** One of the network's own hosts scans this one. */
  sibling(probe: Probe, source: Source): void;
  /** Forgeable evidence blocks nobody new from now on, since it blocked too many; or it does again. */
  limiting(isLimiting: boolean): void;
  /** A person allowed a network for a while, or took that back. */
  allowed(allowance: Allowance, isTakenBack: boolean): void;
  /** So many more probes were not told by the engine. */
  lost(count: number): void;
}

/** The ports of the agent's loop. */
export interface AgentDeps {
  readonly policy: Policy;
  readonly engine: Engine;
  readonly firewall: Firewall;
  readonly keeper: Keeper;
  readonly stance: Stance;
  readonly lifted: Lifted;
  readonly offences: Offences;
  readonly allowances: Allowances;
  readonly report: Report;
  /** What the administrator has done beside a block. */
  readonly responder: Responder;
  readonly log: Log;
  /** Unix ms. */
  readonly now: () => number;
  readonly newId: () => string;
  readonly readFacts: () => Promise<HostFacts>;
  readonly collectors: () => Promise<readonly Address[]>;
  /** What the policy allows at this time. */
  readonly allowed: () => Promise<readonly Cidr[]>;
  /** Who has an authenticated session on this host now. */
  readonly sessions: () => Promise<readonly Address[]>;
  readonly send: (outgoing: Outgoing, options: { urgent: boolean }) => void;
}

/** The loop over the ports: probes come in, blocks and sightings go out. */
export interface Agent {
  /** Sets up detection and blocking; works without a collector. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Takes over the network's list; resolves when it is in force. */
  applyShared(list: SharedList): Promise<void>;
  /** Reads again whom the host never blocks, and puts that in force: somebody logged in, or a name has other addresses. */
  refresh(): Promise<void>;
  /** Carries out what the stance is now; called when it changed, and once a second. */
  applyMode(): Promise<void>;
  /** What is carried out: the stance, as far as the firewall has taken it. */
  stance(): StanceNow;
  /** Lifts every local and shared block of this host; resolves when none is in force. */
  liftAll(by: string): Promise<LiftedCounts>;
  /** Blocks a source because a person says so; resolves when that is in force. */
  block(order: BlockOrder): Promise<Ordered<{ block: BookedBlock }>>;
  /** Lifts the local and the shared block of whatever the network holds; resolves when neither is in force. */
  unblock(network: Cidr, by: string): Promise<LiftedCounts>;
  /** Allows a network for a while, and lifts what blocks it; resolves when that is in force. */
  allow(allowance: Allowance): Promise<Ordered<{ lifted: LiftedCounts; isKept: boolean }>>;
  /** Takes an allowance back; false when there is none. */
  disallow(network: Cidr, by: string): Promise<boolean>;
  neverBlockFacts(): NeverBlockFacts;
  status(): AgentStatus;
  figures(): AgentFigures;
  known(address: Address): Known;
  /** Whether the host counts the source as a client now. */
  isClient(source: Source): Promise<boolean>;
  /** What the engine itself does about the source now, also when the agent has not heard of it. */
  holdOf(source: Source): Promise<EngineHold | undefined>;
  /** The sources seen last, and those blocked last that are not among them. */
  recent(most: number): { tracks: Track[]; blocks: BookedBlock[] };
}

/** A person's order to block a source. */
export interface BlockOrder {
  /** One that can be blocked: an IPv4 address, an IPv6 address or /64. */
  readonly network: Cidr;
  readonly untilMs: number;
  readonly tier: Tier;
  readonly by: string;
}

/** What came of an order; or why it is refused, in words for the person. */
export type Ordered<T> = ({ readonly ok: true } & T) | { readonly ok: false; readonly why: string };

/** All that a host knows of a source. */
export interface Known {
  readonly source: Source;
  readonly track: Track | undefined;
  readonly tripAtMs: number | undefined;
  /** Why it is never blocked. */
  readonly protection: NeverBlockReason | undefined;
  /** Whether it is the network, and not the policy of this host, that allows it. */
  readonly isAllowedByNetwork: boolean;
  /** What a person of this host allowed. */
  readonly allowance: Allowance | undefined;
  readonly block: BookedBlock | undefined;
  /** The network's block as it came, and whether a person has lifted it on this host. */
  readonly shared: { readonly entry: BlockEntry; readonly isLifted: boolean } | undefined;
}

/** What a status event tells of the agent itself. */
export interface AgentStatus {
  readonly addresses: Address[];
  readonly mode: StanceNow['mode'];
  readonly localBlocks: number;
  /** Whether forgeable evidence blocks nobody new now, since it blocked too many. */
  readonly isLimiting: boolean;
  /** Probes that the engine knows it did not tell, as of the last upkeep, and sources forgotten for want of room. */
  readonly probesLost: number;
}

/** What a person of this host is told beside it. */
export interface AgentFigures {
  readonly sources: number;
  readonly sourcesForgotten: number;
  readonly probesLost: number;
  readonly localBlocks: number;
  readonly sharedBlocks: number;
  /** Shared blocks lifted on this host that have not ended yet. */
  readonly sharedLifted: number;
  readonly isLimiting: boolean;
  readonly allowances: readonly Allowance[];
  /** Packets that the local blocks that run have refused, as of the last upkeep. */
  readonly packetsDropped: number;
}
