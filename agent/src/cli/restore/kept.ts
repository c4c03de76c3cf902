import type { NeverBlockFacts, NeverBlockReason, Source } from '@picket/protocol';
import { type BookedBlock, bookPath, parseBook } from '../../blocks/book.ts';
import type { LocalBlock } from '../../firewall/firewall.ts';
import type { Policy } from '../../policy/policy.ts';
import type { Log } from '../../report/log.ts';
import { type AcceptedList, acceptList, listLimits } from '../../uplink/accept.ts';
import { createClock } from '../../uplink/clock.ts';
import { loadEnrolment } from '../../uplink/enrolment.ts';
import { openListFile } from '../../uplink/list-file.ts';
import type { ListState } from '../../uplink/list-state.ts';
import { readFileIfThere } from '../../uplink/state-file.ts';

/**
 * The blocks of this host that run still. One ends no later than its whole duration from now: a host without a clock of
 * its own may start in the past, where a block of an hour would last for years.
 *
 * @param isProtected says of whom the book must not be believed
 */
export async function keptBlocks(
  { state_dir }: Policy,
  isProtected: (source: Source) => NeverBlockReason | undefined,
  { nowMs, log }: { nowMs: number; log: Log },
): Promise<Map<Source, LocalBlock>> {
  const blocks = (await savedBlocks(bookPath(state_dir), log)).flatMap(({ source, tier, atMs, untilMs }) => {
    if (untilMs <= nowMs || isProtected(source) !== undefined) return [];
    const block = { source, tier, untilMs: Math.min(untilMs, nowMs + Math.max(0, untilMs - atMs)) };
    return [[source, { ...block, decidedBy: 'agent' }] as const];
  });
  return new Map(blocks);
}

/** What is damaged is told, left as it is, and holds nothing else up. */
async function savedBlocks(path: string, log: Log): Promise<BookedBlock[]> {
  try {
    const text = await readFileIfThere(path);
    const saved = text === undefined ? [] : parseBook(text);
    if (saved === undefined) log.warn('the saved local blocks are damaged and not restored', { path });
    return saved ?? [];
  } catch (error) {
    log.warn('the saved local blocks cannot be read and are not restored', { path, error });
    return [];
  }
}

/** The network's list as it was saved last; undefined where there is none that can be believed. */
export async function keptList({ state_dir }: Policy, log: Log): Promise<ListState | undefined> {
  try {
    const enrolment = await loadEnrolment(state_dir);
    return enrolment && (await openListFile(state_dir, enrolment, log).load());
  } catch (error) {
    log.warn('the list of the network is not restored', { error });
    return undefined;
  }
}

/** What this host takes of a saved list, by its own rules. */
export function acceptKept(list: ListState, facts: NeverBlockFacts, policy: Policy): Promise<AcceptedList> {
  return acceptList(list, { facts, limits: listLimits(policy), clock: createClock() });
}
