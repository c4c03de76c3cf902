import { familyOf, type Source } from '@picket/protocol';
import type { Entry, EntryCommands } from './entries.ts';
import { type IsSpared, spares } from './entry-spared.ts';
import type { LocalBlock, SharedBlock, Stance } from './firewall.ts';

/** Ends that differ by less are the same, ms: systems count whole seconds. */
const SAME_END_MS = 1_500;

/** The places an entry may be in: two lists where local and shared ones are held apart, else only `local`. */
export type Slot = Entry['origin'];

/** What is wanted of a firewall's entries. */
export interface Wanted {
  readonly stance: Stance;
  readonly local: ReadonlyMap<Source, LocalBlock>;
  /** Undefined until the network's list is known: until then what is found of it stays. */
  readonly shared: ReadonlyMap<Source, SharedBlock> | undefined;
}

/** What is believed to be in the system, by place. */
export type Held = Readonly<Record<Slot, Map<Source, Entry>>>;

/** What takes some sources from what is held to what is wanted. */
export interface Change {
  readonly remove: readonly Entry[];
  readonly add: readonly Entry[];
  /** What is held of these sources once the change is done. */
  readonly after: readonly { slot: Slot; source: Source; entry: Entry | undefined }[];
  /** Sources left out since the system may hold no more. */
  readonly left: readonly Source[];
}

/** What of a backend decides about its entries. */
export type Traits = Pick<EntryCommands, 'keepsApart' | 'keepsEnds' | 'onlyTier' | 'families' | 'most'>;

/** Decides what is to be done for sources, one chunk of them after the other. */
export function createChanger(traits: Traits, { stance }: Pick<Wanted, 'stance'>) {
  const isSpared = spares(stance);
  return (wanted: Wanted, held: Held, sources: Iterable<Source>, nowMs: number): Change => {
    const change = { remove: [] as Entry[], add: [] as Entry[], after: [] as Change['after'][number][] };
    const left: Source[] = [];
    const room = roomIn(traits.most, held);
    for (const source of sources) {
      for (const slot of slotsOf(traits)) {
        const have = live(held[slot].get(source), traits, nowMs);
        const target = targetOf({ wanted, traits, isSpared, nowMs }, slot, source, have);
        if (target !== undefined && have === undefined && !room.take(target.origin)) left.push(source);
        else collect(change, { slot, source, have, target }, traits);
      }
    }
    return { ...change, left };
  };
}

/** The places that a backend has. */
export function slotsOf({ keepsApart }: Traits): readonly Slot[] {
  return keepsApart ? ['local', 'shared'] : ['local'];
}

/** What is read from a system, by place. */
export function heldOf(entries: readonly Entry[], { keepsApart }: Traits): Held {
  const held: Held = { local: new Map(), shared: new Map() };
  for (const entry of entries) held[keepsApart ? entry.origin : 'local'].set(entry.source, entry);
  return held;
}

interface Circumstances {
  readonly wanted: Wanted;
  readonly traits: Traits;
  readonly isSpared: IsSpared;
  readonly nowMs: number;
}

/** An entry that the system itself has ended is none. */
function live(have: Entry | undefined, { keepsEnds }: Traits, nowMs: number): Entry | undefined {
  const isOver = keepsEnds === true && have?.untilMs !== undefined && have.untilMs <= nowMs;
  return isOver ? undefined : have;
}

function targetOf(
  { wanted, traits, isSpared, nowMs }: Circumstances,
  slot: Slot,
  source: Source,
  have: Entry | undefined,
): Entry | undefined {
  if (!wanted.stance.enforce || traits.families?.includes(familyOf(source)) === false) return undefined;
  const isCurrent = (block: SharedBlock | undefined) => block !== undefined && block.untilMs > nowMs;
  const local = slot === 'local' ? wanted.local.get(source) : undefined;
  const shared = slot === 'shared' || !traits.keepsApart ? wanted.shared?.get(source) : undefined;
  const blocks = [local, shared].filter(isCurrent) as SharedBlock[];
  if (blocks.length === 0) {
    const mayStay = wanted.shared === undefined && (slot === 'shared' || !traits.keepsApart);
    return mayStay && have !== undefined && !isSpared(source) ? have : undefined;
  }
  if (isSpared(source)) return undefined;
  return { source, ...hardest(blocks, traits), origin: isCurrent(local) ? 'local' : 'shared' };
}

/** One entry for a source that is blocked twice: the later end, and the tier that refuses more. */
function hardest(
  blocks: readonly SharedBlock[],
  { onlyTier }: Traits,
): Pick<SharedBlock, 'tier' | 'untilMs'> {
  const tier = onlyTier ?? (blocks.some((b) => b.tier === 'dropped') ? 'dropped' : 'held');
  return { tier, untilMs: Math.max(...blocks.map(({ untilMs }) => untilMs)) };
}

function collect(
  change: { remove: Entry[]; add: Entry[]; after: Change['after'][number][] },
  {
    slot,
    source,
    have,
    target,
  }: { slot: Slot; source: Source; have: Entry | undefined; target: Entry | undefined },
  traits: Traits,
): void {
  if (have === undefined && target === undefined) return;
  change.after.push({ slot, source, entry: target });
  const isTierKept = have?.isBroken !== true && have?.tier === target?.tier;
  if (isTierKept && have && target && (traits.keepsEnds !== true || isSameEnd(have, target))) return;
  // What the system ends by itself gets its new end by being added again; a tier is another place.
  if (have !== undefined && !isTierKept) change.remove.push(have);
  if (target !== undefined) change.add.push(target);
}

function isSameEnd(a: Entry, b: Entry): boolean {
  return Math.abs((a.untilMs ?? 0) - (b.untilMs ?? 0)) < SAME_END_MS;
}

/** Counts what may still be added. The network's list leaves half of the room to the host itself. */
function roomIn(most: number | undefined, held: Held): { take(origin: Slot): boolean } {
  if (most === undefined) return { take: () => true };
  const all = [...held.local.values(), ...held.shared.values()];
  let shared = all.filter(({ origin }) => origin === 'shared').length;
  let total = all.length;
  return {
    take(origin) {
      if (total >= most || (origin === 'shared' && shared >= most / 2)) return false;
      total++;
      if (origin === 'shared') shared++;
      return true;
    },
  };
}
