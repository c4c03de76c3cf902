import {
  type Address,
  type BlockEntry,
  type Cidr,
  firstAddress,
  NEVER_BLOCKED,
  type NeverBlockFacts,
  NO_FACTS,
  neverBlockRule,
  type Sighting,
  type Source,
  sourceOf,
  type Unblock,
} from '@picket/protocol';
import type { BookedBlock } from './blocks/book.ts';
import type { Keeper } from './blocks/keeper.ts';
import type { Probe } from './detect/probe.ts';
import { createJudge } from './detect/rules.ts';
import { createSightings } from './detect/sightings.ts';
import type { Firewall, SharedBlock } from './firewall/firewall.ts';
import type { HostFacts } from './host/facts.ts';
import { evidenceRules, tierFor } from './policy/derive.ts';
import type { Policy } from './policy/policy.ts';
import type { Log } from './report/log.ts';
import type { Outgoing } from './uplink/outbox.ts';
import type { Engine } from './watch/engine.ts';

/** The network's block list as this host accepted it; times are in this host's clock. */
export interface SharedList {
  readonly entries: ReadonlyMap<Source, BlockEntry>;
  readonly allow: readonly Cidr[];
  /** Sources that the last change took off the list. */
  readonly removed: readonly Source[];
}

/** What the system log is told, in PortSentry's words. */
export interface Report {
  started(): void;
  /** `source` is what the probe's address counts as. */
  probe(probe: Probe, source: Source): void;
  blocked(block: BookedBlock, probe: Probe | undefined): void;
  ended(source: Source, why: 'its time is over' | 'lifted by the collector'): void;
}

/** The ports of the agent's loop. */
export interface AgentDeps {
  readonly policy: Policy;
  readonly engine: Engine;
  readonly firewall: Firewall;
  readonly keeper: Keeper;
  readonly report: Report;
  readonly log: Log;
  /** Unix ms. */
  readonly now: () => number;
  readonly newId: () => string;
  readonly readFacts: () => Promise<HostFacts>;
  readonly collectors: () => Promise<readonly Address[]>;
  /** What the policy allows at this time. */
  readonly allowed: () => Promise<readonly Cidr[]>;
  readonly send: (outgoing: Outgoing, options: { urgent: boolean }) => void;
}

/** The loop over the ports: probes come in, blocks and sightings go out. */
export interface Agent {
  /** Sets up detection and blocking; works without a collector. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Takes over the network's list; resolves when it is in force. */
  applyShared(list: SharedList): Promise<void>;
  neverBlockFacts(): NeverBlockFacts;
  status(): AgentStatus;
}

/** What a status event tells of the agent itself. */
export interface AgentStatus {
  readonly addresses: Address[];
  readonly localBlocks: number;
  /** Probes that the engine knows it did not tell, as of the last upkeep, and sources forgotten for want of room. */
  readonly probesLost: number;
}

/** Most addresses of a host that its status names (protocol: statusEventSchema). */
const MAX_ADDRESSES = 256;

/** How often changed sightings without a trip are told, ms. */
const TELL_MS = 2_000;

/** How often ended blocks are looked for, ms. */
const EXPIRE_MS = 1_000;

/** How often the host's addresses are read again and the firewall's counters are told, ms. */
const REFRESH_MS = 30_000;

export function createAgent(deps: AgentDeps): Agent {
  const { policy, engine, firewall, keeper, report, log, now } = deps;
  const sightings = createSightings(createJudge(evidenceRules(policy), engine.knowsClient), deps.newId);
  let facts: HostFacts = { own: [], gateways: [], resolvers: [], onLink: [] };
  let collectors: readonly Address[] = [];
  let policyAllow: readonly Cidr[] = [];
  let networkAllow: readonly Cidr[] = [];
  let shared: ReadonlyMap<Source, SharedBlock> = new Map();
  let timers: NodeJS.Timeout[] = [];
  let probesLost = 0;

  const never = (): NeverBlockFacts => {
    const { own, gateways, resolvers } = facts;
    return { own, gateways, resolvers, collectors, allow: [...policyAllow, ...networkAllow] };
  };
  let ruleOut = neverBlockRule(never());
  const isProtected = (source: Source): boolean => {
    const reason = ruleOut(source);
    return reason !== undefined && !(reason === 'loopback' && policy.lab.loopback_sources);
  };
  const blockOf = (source: Source): Sighting['block'] => {
    const block = keeper.get(source);
    return block && describe(block, engine.name, firewall);
  };
  const tell = (which: 'trips' | 'all'): void => {
    const changed = sightings.drain(which, blockOf);
    if (changed.length > 0) deps.send({ sightings: changed }, { urgent: which === 'trips' });
  };

  const expire = (): void => {
    const ended = keeper.expire();
    if (ended.length > 0) tell('all');
    for (const { source } of ended) {
      report.ended(source, 'its time is over');
      // Whoever comes back is a new sighting, with a trip of its own.
      sightings.forget(source);
    }
  };

  /** The kernel's block of a source ends to the second; the book is looked through less often. */
  const endWhatIsOver = (source: Source): void => {
    if ((keeper.get(source)?.untilMs ?? Number.POSITIVE_INFINITY) <= now()) expire();
  };

  const trip = (source: Source, probe: Probe): void => {
    if (keeper.get(source) !== undefined) return;
    sightings.trip(source, probe.atMs);
    const tier = tierFor(policy, probe.evidence === 'handshake');
    const times = { atMs: Math.floor(probe.atMs), untilMs: Math.floor(probe.atMs) + policy.block.duration };
    const decidedBy = engine.decides ? 'kernel' : 'agent';
    const block: BookedBlock = { source, tier, decidedBy, ...times, droppedPackets: 0 };
    keeper.add(block);
    // The kernel's block is in force already; the agent's own is told when the firewall has taken it.
    const inForce = engine.decides ? Promise.resolve() : keeper.settle();
    inForce.then(
      () => report.blocked(block, probe),
      () => log.error('a source tripped but is not blocked', { source }),
    );
    tell('trips');
  };

  /** Takes up what the kernel blocked while no agent was reading, or more than could be read. */
  const adopt = (blocks: readonly BookedBlock[]): void => {
    for (const block of blocks) {
      const { source, atMs } = block;
      const localAddress = reachableAddress(facts.own);
      if (!sightings.trip(source, atMs)) continue;
      sightings.adopt(source, { atMs, address: firstAddress(source), localAddress });
      report.blocked(block, undefined);
    }
  };

  const sink = {
    probe(probe: Probe) {
      const source = sourceOf(probe.address, facts.onLink);
      // The kernel has passed over each protected address already, and only over them.
      if (!engine.decides && isProtected(source)) return;
      endWhatIsOver(source);
      report.probe(probe, source);
      const isOver = sightings.observe(source, probe);
      if (isOver && !engine.decides) trip(source, probe);
    },
    trip(probe: Probe) {
      const source = sourceOf(probe.address, facts.onLink);
      endWhatIsOver(source);
      trip(source, probe);
    },
    strong: () => sightings.strong(),
  };

  const applyNetworks = (): void => {
    ruleOut = neverBlockRule(never());
    const { own, gateways, resolvers, allow } = never();
    keeper.setNetworks(
      [...new Set([...NEVER_BLOCKED, ...own, ...gateways, ...resolvers, ...collectors, ...allow])].sort(),
      facts.onLink,
    );
  };
  const refresh = async (): Promise<void> => {
    [facts, collectors, policyAllow] = await Promise.all([
      deps.readFacts(),
      deps.collectors(),
      deps.allowed(),
    ]);
    engine.setAddresses(facts.own);
    applyNetworks();
  };

  const upkeep = async (): Promise<void> => {
    await refresh();
    const { changed, untold } = await keeper.look();
    for (const block of changed) sightings.touch(block.source);
    adopt(untold);
    probesLost = await engine.lost();
    sightings.expire(now() - policy.threshold.window, (source) => keeper.get(source) !== undefined);
  };

  return {
    async start() {
      keeper.setEnforcing(policy.mode === 'enforce');
      await refresh();
      // The kernel's news are listened for before its table is loaded, so that the first probe is told too.
      await engine.start(sink);
      adopt(await keeper.open());
      // Beside the count, the engine has its table complete now, not half a minute later.
      probesLost = await engine.lost();
      tell('trips');
      report.started();
      const guarded = () => void upkeep().catch((error) => log.error('the upkeep failed', { error }));
      timers = [
        setInterval(() => tell('all'), TELL_MS),
        setInterval(expire, EXPIRE_MS),
        setInterval(guarded, REFRESH_MS),
      ];
    },
    async stop() {
      for (const timer of timers) clearInterval(timer);
      await engine.stop();
      tell('all');
      await keeper.settle().catch((error) => log.error('the last change is not in force', { error }));
    },
    async applyShared(list) {
      const lifted = list.removed.filter(
        (source) => isLifted(shared.get(source), now()) && keeper.lift(source),
      );
      for (const source of lifted) {
        sightings.forget(source);
        report.ended(source, 'lifted by the collector');
      }
      if (lifted.length > 0) deps.send({ unblocks: lifted.map((s) => unblock(s, now())) }, { urgent: true });
      networkAllow = list.allow;
      shared = new Map([...list.entries].map(([source, entry]) => [source, toShared(entry, policy)]));
      keeper.setShared(shared);
      applyNetworks();
      await keeper.settle();
    },
    neverBlockFacts: never,
    status: () => ({
      addresses: facts.own.slice(0, MAX_ADDRESSES),
      localBlocks: [...keeper.all()].length,
      probesLost: probesLost + sightings.forgotten,
    }),
  };
}

/** An address that others may have asked for: neither loopback nor link-local where there is another. */
function reachableAddress(own: readonly Address[]): Address {
  const ruleOut = neverBlockRule(NO_FACTS);
  return own.find((address) => ruleOut(address) === undefined) ?? own[0] ?? '::';
}

/** An entry that goes before its time was lifted by a person: then the host's own block of that source goes too. */
function isLifted(entry: SharedBlock | undefined, nowMs: number): boolean {
  return entry !== undefined && entry.untilMs > nowMs + 5_000;
}

function unblock(source: Source, atMs: number): Unblock {
  return { source, atMs, reason: 'lifted by the collector' };
}

function toShared([source, untilMs, tier]: BlockEntry, policy: Policy): SharedBlock {
  return { source, untilMs, tier: tierFor(policy, tier === 'dropped') };
}

function describe(block: BookedBlock, engine: string, firewall: Firewall): NonNullable<Sighting['block']> {
  const { atMs, untilMs, tier, droppedPackets } = block;
  const [at, until] = [Math.round(atMs), Math.round(untilMs)];
  return {
    atMs: at,
    untilMs: until,
    tier,
    engine,
    backend: firewall.name,
    enforced: firewall.enforces,
    droppedPackets,
  };
}
