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
} from '@picket/protocol';
import type { Agent, AgentDeps, EndReason } from './agent-port.ts';
import type { BookedBlock } from './blocks/book.ts';
import { describeBlock, isLifted, reachableAddress, toShared, unblocks } from './blocks/told.ts';
import type { StanceNow } from './control/stance.ts';
import type { Probe } from './detect/probe.ts';
import { createJudge } from './detect/rules.ts';
import { createSightings } from './detect/sightings.ts';
import type { SharedBlock } from './firewall/firewall.ts';
import type { HostFacts } from './host/facts.ts';
import { evidenceRules, tierFor } from './policy/derive.ts';

export type * from './agent-port.ts';

/** Most addresses of a host that its status names (protocol: statusEventSchema). */
const MAX_ADDRESSES = 256;

/** How often changed sightings without a trip are told, ms. */
const TELL_MS = 2_000;

/** How often ended blocks are looked for, ms. */
const EXPIRE_MS = 1_000;

/** How often the host's addresses are read again and the firewall's counters are told, ms. */
const REFRESH_MS = 30_000;

export function createAgent(deps: AgentDeps): Agent {
  const { policy, engine, firewall, keeper, stance, lifted, report, log, now } = deps;
  const sightings = createSightings(createJudge(evidenceRules(policy), engine.knowsClient), deps.newId);
  let facts: HostFacts = { own: [], gateways: [], resolvers: [], onLink: [] };
  let collectors: readonly Address[] = [];
  let policyAllow: readonly Cidr[] = [];
  let networkAllow: readonly Cidr[] = [];
  let entries: ReadonlyMap<Source, BlockEntry> = new Map();
  let shared: ReadonlyMap<Source, SharedBlock> = new Map();
  /** What was decided last, and what the firewall has carried out. */
  let [mode, inForce]: [StanceNow, StanceNow] = [{ mode: 'enforce' }, { mode: 'enforce' }];
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
    const enforced = firewall.enforces && mode.mode === 'enforce';
    return block && describeBlock(block, { engine: engine.name, backend: firewall.name, enforced });
  };
  const tell = (which: 'trips' | 'all'): void => {
    const changed = sightings.drain(which, blockOf);
    if (changed.length > 0) deps.send({ sightings: changed }, { urgent: which === 'trips' });
  };

  const expire = (): void => {
    const ended = keeper.expire();
    if (ended.length > 0) tell('all');
    for (const block of ended) {
      report.ended(block, 'its time is over');
      // Whoever comes back is a new sighting, with a trip of its own.
      sightings.forget(block.source);
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
    const inForce = engine.decides ? Promise.resolve() : keeper.settle('own');
    inForce.then(
      () => report.blocked(block, probe),
      (error) => log.error('a source tripped but is not blocked', { source, error }),
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

  const isSame = (a: StanceNow, b: StanceNow): boolean =>
    a.mode === b.mode && a.untilMs === b.untilMs && a.by === b.by;
  const applyMode = async (): Promise<void> => {
    const wanted = stance.now();
    if (!isSame(wanted, mode)) {
      mode = wanted;
      report.mode(mode);
      // Whether its block is in force is part of what is told of a source.
      for (const { source } of keeper.all()) sightings.touch(source);
      keeper.setEnforcing(mode.mode === 'enforce');
    }
    if (isSame(wanted, inForce)) return;
    await keeper.settle();
    inForce = wanted;
  };

  /** Lifts local blocks, and tells whom it concerns. */
  const lift = (sources: Iterable<Source>, why: EndReason): Source[] =>
    [...sources].filter((source) => {
      const block = keeper.get(source);
      if (block === undefined || !keeper.lift(source)) return false;
      sightings.forget(source);
      report.ended(block, why);
      return true;
    });
  const setShared = (): void => {
    const all = [...entries.values()].map((entry) => toShared(entry, policy));
    shared = new Map(all.filter((block) => !lifted.has(block)).map((block) => [block.source, block]));
    keeper.setShared(shared);
  };
  const tellUnblocks = (sources: Iterable<Source>, reason: EndReason): void => {
    const told = unblocks(sources, now(), reason);
    if (told.length > 0) deps.send({ unblocks: told }, { urgent: true });
  };

  const upkeep = async (): Promise<void> => {
    await refresh();
    const { changed, untold } = await keeper.look();
    for (const block of changed) sightings.touch(block.source);
    adopt(untold);
    const before = probesLost;
    probesLost = await engine.lost();
    if (probesLost > before) report.lost(probesLost - before);
    sightings.expire(now() - policy.threshold.window, (source) => keeper.get(source) !== undefined);
  };

  const everySecond = (): void => {
    expire();
    applyMode().catch((error) => log.error('the mode is not carried out yet', { error }));
  };

  return {
    async start() {
      mode = stance.now();
      inForce = mode;
      keeper.setEnforcing(mode.mode === 'enforce');
      await refresh();
      // The kernel's news are listened for before its table is loaded, so that the first probe is told too.
      await engine.start(sink);
      adopt(await keeper.open());
      // Beside the count, the engine has its table complete now, not half a minute later.
      probesLost = await engine.lost();
      tell('trips');
      report.started(mode);
      const guarded = () => void upkeep().catch((error) => log.error('the upkeep failed', { error }));
      timers = [
        setInterval(() => tell('all'), TELL_MS),
        setInterval(everySecond, EXPIRE_MS),
        setInterval(guarded, REFRESH_MS),
      ];
    },
    async stop() {
      for (const timer of timers) clearInterval(timer);
      await engine.stop();
      tell('all');
      report.stopped();
      await keeper.settle().catch((error) => log.error('the last change is not in force', { error }));
    },
    async applyShared(list) {
      stance.setNetwork(list.observe);
      const gone = list.removed.filter((source) => isLifted(shared.get(source), now()));
      tellUnblocks(lift(gone, 'lifted by the collector'), 'lifted by the collector');
      [networkAllow, entries] = [list.allow, list.entries];
      setShared();
      applyNetworks();
      await applyMode();
      await keeper.settle();
    },
    applyMode,
    stance: () => inForce,
    async liftAll(by) {
      // What the kernel decided a moment ago is to be lifted too, and nothing that may hang comes before.
      adopt((await keeper.look(0)).untold);
      const local = lift(
        [...keeper.all()].map(({ source }) => source),
        'lifted on this host',
      );
      const running = [...shared.values()].filter(({ untilMs }) => untilMs > now());
      await lifted
        .add(running)
        .catch((error) => log.error('what was lifted would not survive a restart', { error }));
      setShared();
      const counts = { local: local.length, shared: running.length };
      report.lifted(by, counts);
      tellUnblocks(new Set([...local, ...running.map(({ source }) => source)]), 'lifted on this host');
      await keeper.settle();
      return counts;
    },
    neverBlockFacts: never,
    status: () => ({
      addresses: facts.own.slice(0, MAX_ADDRESSES),
      mode: mode.mode,
      localBlocks: [...keeper.all()].length,
      probesLost: probesLost + sightings.forgotten,
    }),
    figures() {
      const blocks = [...keeper.all()];
      return {
        ...{ sources: sightings.size, sourcesForgotten: sightings.forgotten, probesLost },
        ...{ localBlocks: blocks.length, sharedBlocks: shared.size, sharedLifted: lifted.count() },
        packetsDropped: blocks.reduce((sum, { droppedPackets }) => sum + droppedPackets, 0),
      };
    },
    known(address) {
      const source = sourceOf(address, facts.onLink);
      const entry = entries.get(source);
      return {
        source,
        ...{ track: undefined, tripAtMs: undefined, ...sightings.get(source) },
        protection: isProtected(source) ? ruleOut(source) : undefined,
        isAllowedByNetwork: networkAllow.length > 0 && isAmong(networkAllow, source),
        block: keeper.get(source),
        shared: entry && { entry, isLifted: !shared.has(source) },
      };
    },
    isClient: async (source) => (await engine.askForClient?.(source)) ?? engine.knowsClient(source, now()),
    recent(most) {
      const tracks = sightings.recent(most);
      const seen = new Set(tracks.map(({ source }) => source));
      const blocks = [...keeper.all()].filter(({ source }) => !seen.has(source));
      return { tracks, blocks: blocks.sort((a, b) => b.atMs - a.atMs).slice(0, most) };
    },
  };
}

const isAmong = (networks: readonly Cidr[], source: Source): boolean =>
  neverBlockRule({ ...NO_FACTS, allow: networks })(source) === 'allow list';
