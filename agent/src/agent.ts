import { overlaps, type Source, sourceOf } from '@picket/protocol';
import type { Agent, AgentDeps } from './agent-port.ts';
import { isLifted, unblocks } from './blocks/told.ts';
import type { StanceNow } from './control/stance.ts';
import type { Probe } from './detect/probe.ts';
import { createJudge } from './detect/rules.ts';
import { createSightings } from './detect/sightings.ts';
import { createBlocking } from './loop/blocking.ts';
import { createLimitNotice } from './loop/limit-notice.ts';
import { createModes } from './loop/modes.ts';
import { createPeople } from './loop/people.ts';
import { createProtection } from './loop/protection.ts';
import { createSharedBlocks } from './loop/shared-list.ts';
import { createStepNotice } from './loop/step-notice.ts';
import { evidenceRules } from './policy/derive.ts';
import type { TripOutcome } from './watch/engine.ts';

export type * from './agent-port.ts';

/** Most addresses of a host that its status names (protocol: statusEventSchema). */
const MAX_ADDRESSES = 256;

/** How often changed sightings without a trip are told, ms. */
const TELL_MS = 2_000;

/** How often ended blocks are looked for, ms. */
const EXPIRE_MS = 1_000;

/** How often the host's addresses are read again and the firewall's counters are told, ms. */
const REFRESH_MS = 30_000;

/** How often the history of offenders is written, ms: a crash forgets no more. */
const SAVE_MS = 10_000;

export function createAgent(deps: AgentDeps): Agent {
  const { policy, engine, keeper, offences, lifted, report, log, now } = deps;
  const sightings = createSightings(createJudge(evidenceRules(policy), engine.knowsClient), deps.newId);
  const modes = createModes(deps, (source) => sightings.touch(source));
  const protection = createProtection(deps);
  const shared = createSharedBlocks(deps);
  const limit = createLimitNotice((isLimiting) => report.limiting(isLimiting), now);
  const isEnforcing = (): boolean => modes.decided.mode === 'enforce';
  const blocking = createBlocking(deps, { sightings, protection, limit, isEnforcing });
  const people = createPeople(deps, { blocking, shared, protection });
  let timers: NodeJS.Timeout[] = [];
  let probesLost = 0;

  const sink = {
    probe(probe: Probe) {
      const source = sourceOf(probe.address, protection.facts.onLink);
      if (protection.isSibling(probe.address)) return blocking.sibling(source, probe);
      // The kernel has passed over each protected address already, and only over them.
      if (!engine.decides && protection.reason(source) !== undefined) return;
      blocking.endIfOver(source);
      report.probe(probe, source);
      const isOver = sightings.observe(source, probe);
      if (isOver && !engine.decides) blocking.weigh(source, probe);
    },
    trip(probe: Probe, outcome: TripOutcome) {
      const source = sourceOf(probe.address, protection.facts.onLink);
      blocking.endIfOver(source);
      blocking.trip(source, probe, outcome);
    },
    strong: () => sightings.strong(),
  };

  /** Whom the host protects from now on must not stay blocked. */
  const refresh = async (): Promise<void> => {
    await protection.refresh();
    const spared = [...keeper.all()].filter(({ source }) => protection.reason(source) !== undefined);
    const lifted = blocking.lift(
      spared.map(({ source }) => source),
      'it is protected now',
    );
    if (lifted.length > 0)
      deps.send({ unblocks: unblocks(lifted, now(), 'it is protected now') }, { urgent: true });
  };
  const upkeep = async (): Promise<void> => {
    await refresh();
    const looked = await keeper
      .look()
      .catch((error) => void log.error('the firewall cannot be looked at', { error }));
    for (const block of looked?.changed ?? []) sightings.touch(block.source);
    blocking.adopt(looked?.untold ?? []);
    const before = probesLost;
    probesLost = await engine.lost();
    if (probesLost > before) report.lost(probesLost - before);
    sightings.expire(now() - policy.threshold.window, (source) => keeper.get(source) !== undefined);
  };
  /** The kernel's timers know neither sleep nor the wall clock: what is left of a block is the same before and after. */
  const clock = createStepNotice(now, () => performance.now());
  const everySecond = (): void => {
    const stepMs = clock.stepMs();
    if (stepMs !== 0) {
      log.warn('the clock of this host was set, or it slept: blocks last as long as was left of them', {
        stepMs,
      });
      keeper.shift(stepMs);
      offences.shift(stepMs);
    }
    blocking.expire();
    limit.check();
    modes.apply().catch((error) => log.error('the mode is not carried out yet', { error }));
  };
  const saveOffences = (): Promise<void> =>
    offences.save().catch((error) => log.error('who was blocked before could not be saved', { error }));

  return {
    ...people,
    async start() {
      modes.begin();
      await protection.refresh();
      // The kernel's news are listened for before its table is loaded, so that the first probe is told too.
      await engine.start(sink);
      const untold = await keeper.open();
      await deps.responder.open(new Set([...keeper.all()].map(({ source }) => source)));
      blocking.adopt(untold);
      // Beside the count, the engine has its table complete now, not half a minute later.
      probesLost = await engine.lost();
      blocking.tell('trips');
      report.started(modes.decided);
      const guarded = () => void upkeep().catch((error) => log.error('the upkeep failed', { error }));
      timers = [
        setInterval(() => blocking.tell('all'), TELL_MS),
        setInterval(everySecond, EXPIRE_MS),
        setInterval(guarded, REFRESH_MS),
        setInterval(() => void saveOffences(), SAVE_MS),
      ];
    },
    async stop() {
      for (const timer of timers) clearInterval(timer);
      await engine.stop();
      blocking.tell('all');
      report.stopped();
      await keeper.settle().catch((error) => log.error('the last change is not in force', { error }));
      await deps.responder.close();
      await saveOffences();
    },
    async applyShared(list) {
      deps.stance.setNetwork(list.observe);
      const gone = list.removed.filter((source) => isLifted(shared.inForce.get(source), now()));
      const mine = blocking.lift(gone, 'lifted by the collector');
      if (mine.length > 0)
        deps.send({ unblocks: unblocks(mine, now(), 'lifted by the collector') }, { urgent: true });
      shared.set(list);
      protection.setNetworkAllow(list.allow, list.hosts);
      await modes.apply();
      await keeper.settle();
    },
    refresh,
    applyMode: () => modes.apply(),
    stance: (): StanceNow => modes.inForce,
    neverBlockFacts: protection.never,
    status: () => ({
      addresses: protection.facts.own.slice(0, MAX_ADDRESSES),
      mode: modes.decided.mode,
      localBlocks: [...keeper.all()].length,
      isLimiting: limit.isLimiting,
      probesLost: probesLost + sightings.forgotten,
    }),
    figures() {
      const blocks = [...keeper.all()];
      return {
        ...{ sources: sightings.size, sourcesForgotten: sightings.forgotten, probesLost },
        ...{ localBlocks: blocks.length, sharedBlocks: shared.inForce.size, sharedLifted: lifted.count() },
        ...{ isLimiting: limit.isLimiting, allowances: deps.allowances.list() },
        packetsDropped: blocks.reduce((sum, { droppedPackets }) => sum + droppedPackets, 0),
      };
    },
    known(address) {
      const source = sourceOf(address, protection.facts.onLink);
      return {
        source,
        ...{ track: undefined, tripAtMs: undefined, ...sightings.get(source) },
        protection: protection.reason(source),
        isAllowedByNetwork: protection.isAllowedByNetwork(source),
        allowance: deps.allowances.list().find(({ network }) => overlaps(network, source)),
        block: keeper.get(source),
        shared: shared.covering(source),
      };
    },
    isClient: async (source: Source) =>
      (await engine.askForClient?.(source)) ?? engine.knowsClient(source, now()),
    holdOf: async (source) => engine.askForHold?.(source),
    recent(most) {
      const tracks = sightings.recent(most);
      const seen = new Set(tracks.map(({ source }) => source));
      const blocks = [...keeper.all()].filter(({ source }) => !seen.has(source));
      return { tracks, blocks: blocks.sort((a, b) => b.atMs - a.atMs).slice(0, most) };
    },
  };
}
