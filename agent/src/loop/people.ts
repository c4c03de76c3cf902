import {
  type Act,
  firstAddress,
  isSingleSource,
  overlaps,
  parseSource,
  type Source,
  sourceOf,
} from '@picket/protocol';
import type { Agent, AgentDeps, BlockOrder, LiftedCounts, Ordered } from '../agent-port.ts';
import type { BookedBlock } from '../blocks/book.ts';
import { unblocks } from '../blocks/told.ts';
import type { Allowance } from '../control/allowances.ts';
import type { Blocking } from './blocking.ts';
import type { Protection } from './protection.ts';
import type { SharedBlocks } from './shared-list.ts';

/** What people of a host order: it is in force when each resolves, told on the host, and told to the collector. */
export type People = Pick<Agent, 'liftAll' | 'block' | 'unblock' | 'allow' | 'disallow'>;

/** What their orders work on beside the ports. */
export interface PeopleParts {
  readonly blocking: Blocking;
  readonly shared: SharedBlocks;
  readonly protection: Protection;
}

const WHY = 'lifted on this host';

export function createPeople(deps: AgentDeps, { blocking, shared, protection }: PeopleParts): People {
  const { engine, keeper, offences, allowances, report, log, now } = deps;
  /** Lifts what overlaps a network, or all. */
  const lift = async (network: Source | undefined): Promise<{ counts: LiftedCounts; sources: Source[] }> => {
    // What the kernel decided a moment ago is to be lifted too, and nothing that may hang comes before.
    // A firewall that cannot be looked at is no reason to lift nothing.
    const looked = await keeper
      .look(0)
      .catch((error) => void log.error('the firewall cannot be looked at', { error }));
    if (looked !== undefined) blocking.adopt(looked.untold);
    if (network === undefined) blocking.voidNews();
    const mine = [...keeper.all()].map(({ source }) => source);
    const concerned = network === undefined ? mine : mine.filter((source) => overlaps(network, source));
    // The source itself too: news of a block of it may still be on their way.
    const named = network === undefined ? [] : [...new Set([network, sourceOf(firstAddress(network))])];
    const local = blocking.lift(new Set([...concerned, ...named]), WHY);
    blocking.liftUnknown(named.filter(isSingleSource));
    for (const source of local) offences.pardon(source);
    const ofNetwork = await shared.lift(network);
    const forgiven = network === undefined ? [undefined] : named.filter(isSingleSource);
    for (const source of forgiven)
      await engine.forgive?.(source).catch((error) => log.error('not all is forgiven', { source, error }));
    return {
      counts: { local: local.length, shared: ofNetwork.length },
      sources: [...new Set([...local, ...ofNetwork])],
    };
  };
  const tellLifted = (sources: readonly Source[], by: string): void => {
    const told = unblocks(sources, now(), `${WHY} by ${by}`);
    if (told.length > 0) deps.send({ unblocks: told }, { urgent: true });
  };
  const tellAct = (act: Omit<Act, 'id'>): void =>
    deps.send({ acts: [{ id: deps.newId(), ...act, atMs: Math.round(act.atMs) }] }, { urgent: true });

  return {
    async liftAll(by) {
      const { counts, sources } = await lift(undefined);
      report.lifted(by, counts);
      tellLifted(sources, by);
      await keeper.settle();
      return counts;
    },
    async unblock(network, by) {
      const { counts, sources } = await lift(network);
      report.lifted(by, counts, network);
      tellAct({ act: 'unblock', source: network, atMs: now(), by });
      tellLifted(sources, by);
      await keeper.settle();
      return counts;
    },
    async block({ network, untilMs, tier, by }: BlockOrder): Promise<Ordered<{ block: BookedBlock }>> {
      const source = blockable(network, protection);
      if (source === undefined)
        return { ok: false, why: `${network}: a host blocks an IPv4 address, an IPv6 address or a /64` };
      const reason = protection.reason(source);
      if (reason !== undefined) return { ok: false, why: `${source} is never blocked: ${reason}` };
      const block: BookedBlock = {
        ...{ source, untilMs, tier, by, atMs: now(), decidedBy: 'person', droppedPackets: 0 },
      };
      await deps.responder.before(block, undefined);
      // It may take its time, and people go on meanwhile.
      if (blocking.wasLiftedSince(source, block.atMs) || protection.reason(source) !== undefined)
        return { ok: false, why: `${source} was lifted or allowed while the command of the policy ran` };
      keeper.add(block);
      try {
        await keeper.settle('own');
      } catch (error) {
        keeper.lift(source);
        return { ok: false, why: `the firewall refused it: ${(error as Error).message}` };
      }
      report.blocked(block, undefined);
      tellAct({ act: 'block', source, atMs: block.atMs, untilMs, by });
      return { ok: true, block };
    },
    async allow(allowance: Allowance): Promise<Ordered<{ lifted: LiftedCounts; isKept: boolean }>> {
      const added = await allowances.add(allowance);
      if (added === 'too many')
        return { ok: false, why: 'too many are allowed for a while already; write it into allow.sources' };
      const { network, untilMs, by } = allowance;
      protection.apply();
      const { counts, sources } = await lift(network);
      report.allowed(allowance, false);
      tellAct({ act: 'allow', source: network, atMs: now(), untilMs, by });
      tellLifted(sources, by);
      await keeper.settle();
      return { ok: true, lifted: counts, isKept: added === 'kept' };
    },
    async disallow(network, by) {
      const allowance = allowances.list().find((each) => each.network === network);
      if (allowance === undefined || !(await allowances.remove(network))) return false;
      protection.apply();
      report.allowed({ ...allowance, by }, true);
      tellAct({ act: 'disallow', source: network, atMs: now(), by });
      await keeper.settle('own');
      return true;
    },
  };
}

/** The source that a person's word for it means here: an IPv6 address stands for its /64, unless it is a neighbour's. */
function blockable(network: Source, { facts }: Protection): Source | undefined {
  const source = parseSource(network);
  if (source === undefined || !isSingleSource(source)) return undefined;
  return source.includes('/') ? source : sourceOf(source, facts.onLink);
}
