import type { Source } from '@picket/protocol';
import type { Firewall, Networks, SharedBlock, Stance } from '../firewall/firewall.ts';
import type { Log } from '../report/log.ts';
import {
  type BookedBlock,
  type EndedBlock,
  formatBook,
  parseBook,
  parseEnded,
  reconcile,
  toTell,
  type UntoldBlock,
} from './book.ts';
import { createHealer } from './heal.ts';
import { createLane } from './lane.ts';
import { createOnce, createSaving } from './saving.ts';

/** The parts of a keeper that reach outside. */
export interface KeeperDeps {
  readonly firewall: Firewall;
  /** Where the book is kept over a reboot. */
  readonly load: () => Promise<string | undefined>;
  readonly save: (text: string) => Promise<void>;
  /** Unix ms. */
  readonly now: () => number;
  readonly log: Log;
  /** How long the kernel itself blocks a source, ms. */
  readonly firstBlockMs: number;
  /** Makes UUIDv7s. */
  readonly newId: () => string;
}

/** Within this the kernel's news of a block reach the agent, ms, unless they are lost. */
const TOLD_WITHIN_MS = 10_000;

/** By so much at most the firewall's end of a block comes after the book's, ms: it counts whole seconds. */
const ENDING_MS = 2_000;

/** Most ended blocks that wait to be told, the oldest go first: as many sightings as wait for the collector in memory. */
const MAX_ENDED = 10_000;

/**
 * Keeps the blocks of a host: the wanted state in memory, the firewall and the book on disk after it. Changes that
 * come while one is being applied are applied together.
 */
export interface Keeper {
  /**
   * Sets the firewall up, and tells the blocks that it decided while no agent was reading, and those that an agent may not
   * have told which was killed, also such as have ended. They are in the book on disk, under the id to tell them by, when
   * this resolves, unless the disk refused it.
   */
  open(): Promise<UntoldBlock[]>;
  get(source: Source): BookedBlock | undefined;
  all(): Iterable<BookedBlock>;
  add(block: BookedBlock): void;
  /** Blocks that the collector will hear of for sure, by the ids of the sightings that tell them. */
  told(ids: ReadonlySet<string>): void;
  /** Lifts a local block before its end, also one that only the firewall knows of; false when the book has none. */
  lift(source: Source): boolean;
  /** The wall clock was set, or the host slept: what is left of each block's time stays as it is, as in the kernel. */
  shift(byMs: number): void;
  /** Ends blocks whose time is over, and tells them. In the book on disk they stay until the collector hears of them. */
  expire(): BookedBlock[];
  setShared(shared: ReadonlyMap<Source, SharedBlock>): void;
  setNetworks(networks: Networks): void;
  /** Whether blocks are carried out; see {@link Stance}. */
  setEnforcing(enforce: boolean): void;
  /**
   * Looks at what the firewall holds: tells the blocks that refused more than before, and takes into the book those that
   * nobody told of, as the kernel decides more than it can tell in a flood.
   *
   * @param untoldAfterMs how old a block is that nobody told of, ms; 0 takes those whose news are still on the way
   */
  look(untoldAfterMs?: number): Promise<{ changed: BookedBlock[]; untold: UntoldBlock[] }>;
  /**
   * Resolves when the state wanted now is in force; rejects when the firewall refused it. `own`: this host's blocks alone;
   * `all`: the network's list too. `book`: resolves when the book is saved, whatever the firewall says.
   */
  settle(what?: 'all' | 'book' | 'own'): Promise<void>;
  /** Ends what the firewall has running. Blocks stay in force. */
  close(): Promise<void>;
}

export function createKeeper(deps: KeeperDeps): Keeper {
  const { firewall, now, log } = deps;
  let book = new Map<Source, BookedBlock>();
  let rest: Stance = { allow: [], onLink: [], enforce: true };
  /** Undefined until a list came: what an earlier agent has put in force of one stays so until then. */
  let shared: ReadonlyMap<Source, SharedBlock> | undefined;
  let [isOpen, networksKey] = [false, ''];
  /** In force no more, and to be told still, by the ids of their sightings. */
  const ended = new Map<string, EndedBlock>();
  /** Lifted, and not carried out yet: what was in force, if it was known. */
  const lifted = new Map<Source, BookedBlock | undefined>();
  const end = (block: BookedBlock): void => {
    book.delete(block.source);
    for (const each of toTell(block)) ended.set(each.untoldAs, each);
    for (const oldest of ended.keys()) {
      if (ended.size <= MAX_ENDED) break;
      ended.delete(oldest);
    }
  };
  // What is in force still must not look like a block of nobody to whoever comes after a crash.
  const inForce = (): Map<Source, BookedBlock> => {
    const leaving = [...lifted].flatMap(([source, block]) => (block ? [[source, block] as const] : []));
    return new Map([...leaving, ...book]);
  };
  const saving = createSaving(deps.save, () => formatBook(inForce(), ended.values()), log);
  const once = createOnce(log, 'the firewall refused a change; trying again');
  const applyOnce = async (): Promise<void> => {
    const now = [...lifted.keys()];
    await firewall.apply({ ...rest, local: new Map(book), lifted: new Set(now) });
    for (const source of now) lifted.delete(source);
    once.succeeded();
    if (now.length > 0) saving.change();
  };
  const own = createLane(applyOnce, once.failed);
  // The network's list has a lane of its own: a long one must not hold up a block of this host.
  const list = createLane(async () => {
    if (shared !== undefined) await firewall.share(shared);
  }, once.failed);
  const healer = createHealer(firewall, () => own.inTurn(() => firewall.look()), log);
  const change = (): void => {
    if (!isOpen) return;
    own.change();
    saving.change();
  };
  const settle = async (what: 'all' | 'book' | 'own' = 'all'): Promise<void> => {
    if (!isOpen) return;
    if (what === 'own') return own.settle();
    if (what === 'book') return saving.settle();
    const isOwn = own.settle();
    // A disk that refuses is told and tried again by its lane.
    const saved = isOwn.catch(() => {}).then(() => saving.settle().catch(() => {}));
    await Promise.all([isOwn, list.settle(), saved]);
  };
  /** Each gets the id to tell it by, before anybody is told. */
  const named = (untold: readonly BookedBlock[]): UntoldBlock[] =>
    untold.map((found) => {
      const block = { ...found, untoldAs: found.untoldAs ?? deps.newId() };
      book.set(block.source, block);
      return { ...block, isHeirloom: found.untoldAs !== undefined };
    });

  return {
    async open() {
      const text = (await deps.load()) ?? '[]';
      const saved = parseBook(text);
      if (saved === undefined) log.warn('the saved local blocks are damaged and left out');
      const found = await firewall.open(rest);
      const state = reconcile(saved ?? [], found, { nowMs: now(), firstBlockMs: deps.firstBlockMs });
      // The engine listens already: what it told meanwhile has its id.
      const isNew = ({ source }: BookedBlock) => !book.has(source);
      const missed = state.untold.filter(isNew);
      book = new Map([...state.book, ...book]);
      const untold = named(missed);
      const over = [...parseEnded(text), ...state.ended];
      for (const block of over) ended.set(block.untoldAs, block);
      isOpen = true;
      saving.change();
      await settle();
      // Who cannot be watched is found out in seconds, and nobody is to wait for that.
      void healer.start();
      return [...untold, ...over.map((block) => ({ ...block, isHeirloom: true }))];
    },
    get: (source) => book.get(source),
    all: () => book.values(),
    add(block) {
      lifted.delete(block.source);
      book.set(block.source, block);
      change();
    },
    told(ids) {
      const blocks = [...book.values()].filter(({ untoldAs }) => untoldAs !== undefined && ids.has(untoldAs));
      for (const block of blocks) book.set(block.source, { ...block, untoldAs: undefined });
      const over = [...ids].filter((id) => ended.delete(id));
      if (blocks.length + over.length > 0) saving.change();
    },
    lift(source) {
      const block = book.get(source);
      if (block !== undefined) end(block);
      lifted.set(source, block ? { ...block, untoldAs: undefined } : lifted.get(source));
      change();
      return block !== undefined;
    },
    shift(byMs) {
      for (const block of book.values())
        book.set(block.source, { ...block, atMs: block.atMs + byMs, untilMs: block.untilMs + byMs });
      change();
    },
    expire() {
      const over = [...book.values()].filter((block) => block.untilMs <= now());
      for (const block of over) end(block);
      if (over.length > 0) change();
      return over;
    },
    setShared(blocks) {
      shared = blocks;
      if (isOpen) list.change();
    },
    setNetworks(networks) {
      const key = JSON.stringify(networks);
      if (key === networksKey) return;
      networksKey = key;
      rest = { ...rest, ...networks };
      change();
    },
    setEnforcing(enforce) {
      if (enforce === rest.enforce) return;
      rest = { ...rest, enforce };
      change();
    },
    async look(untoldAfterMs = TOLD_WITHIN_MS) {
      const booked = new Set(book.keys());
      const found = await own.inTurn(() => firewall.look());
      const changed = found.flatMap(({ source, packets }) => {
        const block = book.get(source);
        return block !== undefined && packets > block.droppedPackets
          ? [{ ...block, droppedPackets: packets }]
          : [];
      });
      for (const block of changed) book.set(block.source, block);
      // What began a moment ago may still be on its way to the agent. What was booked when the look began was lifted or
      // ended meanwhile, and what is about to end may have ended in the book already: neither is new.
      const times = { nowMs: now(), firstBlockMs: deps.firstBlockMs };
      const state = reconcile(book.values(), found, times);
      const untold = named(
        state.untold.filter(
          ({ source, atMs, untilMs }) =>
            !booked.has(source) &&
            !book.has(source) &&
            !lifted.has(source) &&
            atMs <= now() - untoldAfterMs &&
            untilMs > now() + ENDING_MS,
        ),
      );
      if (untold.length > 0) change();
      return { changed, untold };
    },
    settle,
    async close() {
      healer.stop();
      await firewall.close?.();
    },
  };
}
