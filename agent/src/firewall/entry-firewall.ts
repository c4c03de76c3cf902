import type { Source } from '@picket/protocol';
import { oneByOne } from '../run/one-by-one.ts';
import type { Runner } from '../run/runner.ts';
import type { Entry, EntryCommands, Scope } from './entries.ts';
import { createChanger, type Held, heldOf, slotsOf, type Wanted } from './entry-state.ts';
import { answersOf, runSteps } from './entry-steps.ts';
import { type CountedBlock, type Firewall, FirewallError, type LocalBlock, type Stance } from './firewall.ts';

/** Sources changed at a time: while a long list is put in force, a block of the host's own waits for one such piece. */
const CHUNK = 2_000;

/** A list so long is not read back at each look but at every so many. */
const LONG_LIST = 5_000;
const LOOKS_PER_LONG_LIST = 20;

/** An entry so near to its end, ms, may be gone already. */
const ENDING_MS = 2_000;

/** The parts of the backend that reach outside. */
export interface EntryFirewallDeps {
  readonly run: Runner;
  /** Unix ms. */
  readonly now: () => number;
  readonly log: (message: string) => void;
  /** Ends what `run` has running. */
  readonly close?: () => Promise<void>;
}

/**
 * The firewall over any backend that holds a list of sources. It keeps what it believes to be in the system, carries out
 * what differs from what is wanted, and reads the system again when a change fails.
 */
export function createEntryFirewall(commands: EntryCommands, deps: EntryFirewallDeps): Firewall {
  const { run, now, log, close } = deps;
  const { name } = commands;
  let held: Held = heldOf([], commands);
  let wanted: Wanted = nothingWanted();
  let changer: ReturnType<typeof createChanger> | undefined;
  let stanceKey = '';
  /** Sources whose entries may differ from what is wanted, the host's own and the network's. */
  const open = { local: new Set<Source>(), shared: new Set<Source>() };
  const left = new Set<Source>();
  let [looks, owesAll] = [0, false];

  /** One piece of work after the other, whoever asks. */
  const inTurn = oneByOne();
  const read = async (scope: Scope): Promise<{ entries: Entry[] } | { words: string }> => {
    const answers = await answersOf(run, commands.list(scope));
    if ('words' in answers) return answers;
    const refusal = commands.refusal?.(answers.outputs);
    // Setting up again would not help.
    if (refusal !== undefined) throw new FirewallError(`${name}: ${refusal}`);
    const entries = commands.parse(answers.outputs, now());
    return entries === undefined ? { words: 'what was set up is not whole any more' } : { entries };
  };
  const setUp = async (stance: Stance): Promise<void> => {
    await runSteps(run, commands.setUp(stance));
    changer = createChanger(commands, { stance });
    stanceKey = JSON.stringify(stance);
  };
  const reopenAll = (): void => {
    for (const source of [...held.local.keys(), ...wanted.local.keys()]) open.local.add(source);
    for (const source of [...held.shared.keys(), ...(wanted.shared?.keys() ?? [])]) open.shared.add(source);
  };
  /** What was believed is void: the system is read, and set up again where it is not whole. */
  const readAgain = async (): Promise<void> => {
    const before = await read('all');
    if ('words' in before) {
      await setUp(wanted.stance);
      log(`${name}: others removed what was set up, it is made again with all blocks (${before.words})`);
    }
    const listed = 'words' in before ? await read('all') : before;
    if ('words' in listed) throw new FirewallError(`${name}: ${listed.words}`);
    held = heldOf(listed.entries, commands);
    reopenAll();
    owesAll = true;
  };
  const change = async (sources: readonly Source[]): Promise<void> => {
    if (changer === undefined) throw new FirewallError(`${name} is not set up yet`);
    const { remove, add, after, left: over } = changer(wanted, held, sources, now());
    if (remove.length > 0) await runSteps(run, commands.remove(remove));
    if (add.length > 0) await runSteps(run, commands.add(add, now()));
    for (const { slot, source, entry } of after) {
      if (entry === undefined) held[slot].delete(source);
      else held[slot].set(source, entry);
    }
    leaveOut(over);
  };
  const leaveOut = (sources: readonly Source[]): void => {
    const isNews = left.size === 0 && sources.length > 0;
    for (const source of sources) left.add(source);
    if (isNews)
      log(`${name} holds ${commands.most} sources at most: others are not blocked until there is room`);
  };
  const changeOrHeal = async (sources: readonly Source[]): Promise<void> => {
    try {
      await change(sources);
    } catch (error) {
      if (!(error instanceof FirewallError) || changer === undefined) throw error;
      log(`${name}: a change failed, what is in force is read again: ${error.message}`);
      await readAgain();
      await change(sources);
    }
  };
  /** Works sources off, piece by piece, so that other work comes in between. */
  const settle = async (lane: Set<Source>): Promise<void> => {
    while (lane.size > 0) {
      await inTurn(async () => {
        const chunk = take(lane, CHUNK);
        await changeOrHeal(chunk).catch((error) => {
          for (const source of chunk) lane.add(source);
          throw error;
        });
      });
    }
  };
  /** Works off what was asked for, and after that whatever else may differ. */
  const settleFirst = async (lane: Set<Source>): Promise<void> => {
    await settle(lane);
    if (!owesAll) return;
    owesAll = false;
    await settle(open.local);
    await settle(open.shared);
  };
  /** What differs between what was believed and what is there; both are open then. */
  const compare = (entries: readonly Entry[], scope: Scope): void => {
    const there = heldOf(entries, commands);
    let gone = 0;
    for (const slot of slotsOf(commands)) {
      if (slot === 'shared' && scope === 'local') continue;
      for (const [source, entry] of held[slot]) {
        if (there[slot].has(source)) continue;
        const isOver = commands.keepsEnds === true && (entry.untilMs ?? 0) <= now() + ENDING_MS;
        if (!isOver) gone++;
        held[slot].delete(source);
        open[slot].add(source);
      }
      for (const [source, entry] of there[slot]) {
        if (held[slot].has(source)) continue;
        held[slot].set(source, entry);
        open[slot].add(source);
      }
    }
    if (gone > 0) log(`${name}: others removed ${gone} blocks, they are made again`);
  };
  /** Entries whose time is over, for the systems that do not end them. */
  const openEnded = (): void => {
    for (const slot of slotsOf(commands)) {
      for (const [source, { untilMs }] of held[slot]) {
        if (untilMs === undefined || untilMs > now()) continue;
        if (commands.keepsEnds === true) held[slot].delete(source);
        else open[slot].add(source);
      }
    }
    for (const source of left) open.local.add(source);
    left.clear();
  };
  const counted = (entries: readonly Entry[]): CountedBlock[] =>
    entries.flatMap(({ source, origin, tier, untilMs, packets = 0 }) => {
      const isLocal = commands.keepsApart ? origin === 'local' : wanted.local.has(source);
      const endsMs = untilMs ?? wanted.local.get(source)?.untilMs;
      return isLocal && endsMs !== undefined ? [{ source, tier, untilMs: endsMs, packets }] : [];
    });

  return {
    name,
    enforces: true,
    open: (stance) =>
      inTurn(async () => {
        await setUp(stance);
        wanted = { ...wanted, stance };
        const listed = await read('all');
        if ('words' in listed) throw new FirewallError(`${name}: ${listed.words}`);
        held = heldOf(listed.entries, commands);
        reopenAll();
        // Where the system keeps no end, only the agent's own book knows it, and whose block it was.
        return listed.entries.flatMap(({ source, origin, tier, untilMs }) =>
          origin === 'local' && untilMs !== undefined ? [{ source, tier, untilMs }] : [],
        );
      }),
    async apply({ local, ...stance }) {
      await inTurn(async () => {
        // Not those that stay as they are: there may be thousands, and this one is to be blocked before its next packet.
        for (const source of changedOf(wanted.local, local, now())) open.local.add(source);
        wanted = { ...wanted, local, stance: pick(stance) };
        if (JSON.stringify(wanted.stance) === stanceKey) return;
        await setUp(wanted.stance);
        reopenAll();
        owesAll = true;
      });
      await settleFirst(open.local);
    },
    async share(shared) {
      // What was found when the agent started may be of the network's list or of nobody's any more.
      const before = wanted.shared ?? (commands.keepsApart ? held.shared : held.local);
      for (const source of [...before.keys(), ...shared.keys()]) open.shared.add(source);
      wanted = { ...wanted, shared };
      await settleFirst(open.shared);
    },
    async look() {
      const listed = await inTurn(async () => {
        if (changer === undefined) return [];
        const isLong = held.shared.size > LONG_LIST && ++looks % LOOKS_PER_LONG_LIST !== 0;
        const scope = isLong ? 'local' : 'all';
        const answer = await read(scope);
        if ('words' in answer) await readAgain();
        else compare(answer.entries, scope);
        openEnded();
        return 'words' in answer ? [] : answer.entries;
      });
      owesAll = true;
      await settleFirst(open.local);
      return counted(listed);
    },
    remove: () =>
      inTurn(async () => {
        const answers = await answersOf(run, commands.list('all'));
        const found = 'words' in answers ? undefined : commands.parse(answers.outputs, now());
        await runSteps(run, commands.tearDown(found ?? []));
        held = heldOf([], commands);
        wanted = nothingWanted();
        for (const sources of [open.local, open.shared, left]) sources.clear();
        [changer, stanceKey] = [undefined, ''];
      }),
    ...(close && { close }),
  };
}

function nothingWanted(): Wanted {
  return { stance: { allow: [], onLink: [], enforce: true }, local: new Map(), shared: undefined };
}

/** Sources of which something else is wanted than before, or whose time is over; what failed then is still open. */
function changedOf(before: Wanted['local'], after: Wanted['local'], nowMs: number): Source[] {
  const stays = (source: Source, { tier, untilMs }: LocalBlock) => {
    const other = after.get(source);
    return untilMs > nowMs && other?.tier === tier && other.untilMs === untilMs;
  };
  const changed = [...before].flatMap(([source, block]) => (stays(source, block) ? [] : [source]));
  return [...changed, ...[...after.keys()].filter((source) => !before.has(source))];
}

/** A stance without what stands beside it, in a fixed order, so that equal ones are equal texts. */
function pick({ allow, onLink, enforce }: Stance): Stance {
  return { allow, onLink, enforce };
}

/** Takes the first so many out of a set. */
function take<T>(set: Set<T>, most: number): T[] {
  const taken: T[] = [];
  for (const item of set) {
    if (taken.length >= most) break;
    taken.push(item);
    set.delete(item);
  }
  return taken;
}
