import { firstAddress, type Sighting, type Source } from '@picket/protocol';
import type { AgentDeps, EndReason, SparedReason } from '../agent-port.ts';
import type { BookedBlock, UntoldBlock } from '../blocks/book.ts';
import { SAME_END_MS } from '../blocks/offences.ts';
import { describeBlock, reachableAddress } from '../blocks/told.ts';
import { createPermit } from '../detect/permit.ts';
import type { Probe } from '../detect/probe.ts';
import type { Sightings } from '../detect/sightings.ts';
import { heirloom } from '../detect/unseen.ts';
import { permitRules, tierFor } from '../policy/derive.ts';
import type { TripOutcome } from '../watch/engine.ts';
import type { LimitNotice } from './limit-notice.ts';
import type { Protection } from './protection.ts';

/** What becomes of sources that trip. */
export interface Blocking {
  /** A source crossed the threshold; the engine or the policy says what that leads to. */
  trip(source: Source, probe: Probe, outcome: TripOutcome): void;
  /** The same for engines that leave the decision to the agent. */
  weigh(source: Source, probe: Probe): void;
  /** One of the network's own hosts asked for an unused port: never blocked, and loud once it is a scan. */
  sibling(source: Source, probe: Probe): void;
  /**
   * Takes up what the kernel blocked while no agent was reading, or more than could be read, and tells again what an agent
   * that was killed may not have told.
   */
  adopt(blocks: readonly UntoldBlock[]): void;
  /** Ends blocks whose time is over. */
  expire(): void;
  /** The same for one source, to the moment: the kernel's block ends to the second, the book is looked through less often. */
  endIfOver(source: Source): void;
  /** Lifts local blocks; news of what came before are void from now on. Tells which there were. */
  lift(sources: Iterable<Source>, why: EndReason): Source[];
  /** Lifts what only the kernel may hold. */
  liftUnknown(sources: Iterable<Source>): void;
  /** Trips from before now are old news, of whomever: a person lifted all. */
  voidNews(): void;
  /** Whether a source, or all, was lifted after that time, Unix ms. */
  wasLiftedSince(source: Source, atMs: number): boolean;
  /** Tells changed sightings: those with a trip at once, or all. */
  tell(which: 'trips' | 'all'): void;
}

/** What blocking works with beside the ports. */
export interface BlockingParts {
  readonly sightings: Sightings;
  readonly protection: Protection;
  readonly limit: LimitNotice;
  /** Whether what is decided is carried out now. */
  readonly isEnforcing: () => boolean;
}

/** Sources lifted lately whose late news are ignored: no more than a person lifts in ten seconds. */
const MAX_LIFTED = 200_000;

/** The kernel's news of a trip come within this, ms, or are lost: see keeper.ts. */
const NEWS_WITHIN_MS = 15_000;

export function createBlocking(deps: AgentDeps, parts: BlockingParts): Blocking {
  const { policy, engine, firewall, keeper, offences, report, log, now } = deps;
  const { sightings, protection, limit } = parts;
  const permit = createPermit(permitRules(policy));
  /** When sources were lifted: a trip before that is old news. */
  const liftedAtMs = new Map<Source, number>();
  let allLiftedAtMs = 0;
  /** Sources whose block waits for a command that runs before it. */
  const waiting = new Set<Source>();

  const isOldNews = (source: Source, atMs: number): boolean =>
    atMs < Math.max(allLiftedAtMs, liftedAtMs.get(source) ?? 0);
  const describe = (block: BookedBlock): NonNullable<Sighting['block']> => {
    const enforced = firewall.enforces && parts.isEnforcing();
    return describeBlock(block, { engine: engine.name, backend: firewall.name, enforced });
  };
  const blockOf = (source: Source): Sighting['block'] => {
    const block = keeper.get(source);
    return block && describe(block);
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
    for (const [source, atMs] of liftedAtMs) if (atMs < now() - NEWS_WITHIN_MS) liftedAtMs.delete(source);
  };

  /** Forgeable evidence blocks nobody here: it is told, and no more. */
  const spare = (source: Source, probe: Probe, why: SparedReason): void => {
    if (why === 'limited') {
      // Nothing over the limit is called a trip: the network would share it, and the forger would have won.
      limit.note();
      report.spared(probe, source, why);
      return;
    }
    if (sightings.trip(source, probe.atMs, { isClient: why === 'client' })) report.spared(probe, source, why);
    tell('trips');
  };
  /** Where nothing forgeable may block, there is no limit to be over. */
  const whySpared = (outcome: Exclude<TripOutcome, 'held'>): SparedReason =>
    outcome === 'limited' && policy.block.evidence === 'handshake' ? 'unproven' : outcome;

  const trip = (source: Source, probe: Probe, outcome: TripOutcome): void => {
    if (keeper.get(source) !== undefined || waiting.has(source) || isOldNews(source, probe.atMs)) return;
    // The kernel decided before it knew: its allow list comes before its blocks.
    if (protection.reason(source) !== undefined) return;
    if (outcome !== 'held') {
      spare(source, probe, whySpared(outcome));
      return;
    }
    sightings.trip(source, probe.atMs);
    const repeats = offences.count(source);
    const atMs = Math.floor(probe.atMs);
    // The kernel holds everybody for the first duration; a longer one is the agent's to put in its place.
    const decidedBy = engine.decides && repeats === 0 ? 'kernel' : 'agent';
    const block: BookedBlock = {
      ...{ source, decidedBy, atMs, droppedPackets: 0, untoldAs: sightings.idOf(source) },
      tier: tierFor(policy, probe.evidence === 'handshake'),
      untilMs: atMs + offences.commit(source, probe.evidence),
    };
    const wait = deps.responder.before(block, probe);
    if (wait === undefined) {
      putInForce(block, probe);
      return;
    }
    waiting.add(source);
    void wait.then(() => {
      waiting.delete(source);
      if (!isOldNews(source, probe.atMs)) putInForce(block, probe);
    });
  };
  const putInForce = (block: BookedBlock, probe: Probe): void => {
    const { source } = block;
    keeper.add(block);
    // The kernel's block is in force already; the agent's own is told when the firewall has taken it.
    const inForce = engine.decides ? Promise.resolve() : keeper.settle('own');
    inForce.then(
      () => report.blocked(block, probe),
      (error) => log.error('a source tripped but is not blocked', { source, error }),
    );
    tell('trips');
  };

  /** A block that is in the book already, and whose trip nobody here weighed. */
  const takeUp = (found: BookedBlock, id: string): void => {
    const { source, atMs } = found;
    const named = { ...found, untoldAs: id };
    // Its command goes first, and its trip is counted.
    if (waiting.has(source)) {
      keeper.add(named);
      return;
    }
    // A trip that an agent counted which was killed then is no second one.
    const countedMs = offences.countedUntil(source, found.untilMs);
    const isRepeat = countedMs === undefined && offences.count(source) > 0;
    const untilMs = countedMs ?? atMs + offences.commit(source, 'forgeable');
    const isLonger = isRepeat || untilMs > found.untilMs + SAME_END_MS;
    const block: BookedBlock = isLonger ? { ...named, untilMs, decidedBy: 'agent' } : named;
    if (isLonger || id !== found.untoldAs) keeper.add(block);
    report.blocked(block, undefined);
  };

  return {
    trip,
    sibling(source, probe) {
      report.probe(probe, source);
      if (!sightings.observe(source, probe) || !sightings.trip(source, probe.atMs)) return;
      report.sibling(probe, source);
      tell('trips');
    },
    weigh(source, probe) {
      if (keeper.get(source) !== undefined || waiting.has(source)) return;
      const { evidence, atMs } = probe;
      const said = permit({ evidence, atMs, isClient: engine.knowsClient(source, atMs) });
      trip(source, probe, said === 'block' ? 'held' : said);
    },
    adopt(blocks) {
      const again: Sighting[] = [];
      for (const { isHeirloom, ...found } of blocks) {
        const { source, atMs, untoldAs: id } = found;
        // It ended before it was told: only that is left to do.
        const isOver = keeper.get(source)?.untoldAs !== id;
        if (isOldNews(source, atMs) || protection.reason(source) !== undefined) {
          if (isOver) keeper.told(new Set([id]));
          continue;
        }
        const localAddress = reachableAddress(protection.facts.own);
        const seen = { atMs, address: firstAddress(source), localAddress };
        if (isHeirloom) again.push(heirloom(source, seen, { id, block: describe(found) }));
        if (isOver) continue;
        takeUp(found, isHeirloom ? id : sightings.adopt(source, { ...seen, id }));
      }
      if (again.length > 0) deps.send({ sightings: again }, { urgent: true });
    },
    expire,
    endIfOver(source) {
      if ((keeper.get(source)?.untilMs ?? Number.POSITIVE_INFINITY) <= now()) expire();
    },
    lift(sources, why) {
      return [...sources].filter((source) => {
        if (liftedAtMs.size < MAX_LIFTED) liftedAtMs.set(source, now());
        const block = keeper.get(source);
        if (block === undefined || !keeper.lift(source)) return false;
        sightings.forget(source);
        report.ended(block, why);
        return true;
      });
    },
    liftUnknown(sources) {
      for (const source of sources) if (keeper.get(source) === undefined) keeper.lift(source);
    },
    voidNews() {
      allLiftedAtMs = now();
    },
    wasLiftedSince: isOldNews,
    tell,
  };
}
