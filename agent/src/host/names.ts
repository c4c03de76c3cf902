import { lookup } from 'node:dns/promises';
import { type Address, parseAddress } from '@picket/protocol';
import { openNameFile } from './name-file.ts';

/** How often a name that was resolved is resolved again, ms. */
export const RESOLVE_EVERY_MS = 300_000;

/** First and longest pause before a name that could not be resolved is tried again, ms. */
const RETRY_FIRST_MS = 5_000;
const RETRY_MOST_MS = RESOLVE_EVERY_MS;

/** An answer that takes longer is none for now, ms. It is still taken when it comes. */
export const RESOLVE_LIMIT_MS = 10_000;

/**
 * Names resolved at the same time. Each takes a thread of libuv's pool, which lends half of its four to look-ups: with more
 * at a silent resolver, nobody else in this process could resolve a name.
 */
const AT_ONCE = 2;

/** A name that nobody asked for within this is not resolved any more, ms: two rounds of the agent's upkeep and more. */
const WANTED_MS = 120_000;

/** Most addresses of a name that are kept, and most names. */
const MOST_ADDRESSES = 64;
const MOST_NAMES = 20_000;

/** What names come from. */
export interface NamesDeps {
  /** Addresses of a name; empty or rejected when it cannot be resolved. It may never answer. */
  readonly resolve: (name: string) => Promise<readonly Address[]>;
  /** Unix ms. */
  readonly now: () => number;
  readonly log: (message: string) => void;
  /** Keep the last good answers over a restart; without them nothing is kept. */
  readonly load?: () => Promise<string | undefined>;
  readonly save?: (text: string) => Promise<void>;
  readonly limitMs?: number;
}

/** Names and their addresses. Whoever asks never waits for a resolver. */
export interface Names {
  /** What is known of a name now; one that is unknown, or known for long, is resolved in the background. */
  addressesOf(name: string): readonly Address[];
  /** Calls back when the addresses of a name have changed. @returns ends it */
  watch(onChange: () => void): () => void;
  /** Ends all timers. */
  close(): void;
}

/** All that is known of a name. */
interface Entry {
  readonly name: string;
  addresses: readonly Address[];
  wantedAtMs: number;
  nextAtMs: number;
  retryMs: number;
  isAsked: boolean;
  hasFailed: boolean;
}

/** All addresses of a name in the system's own order of look-ups (hosts file, DNS, …). */
export async function resolveName(name: string): Promise<Address[]> {
  const found = await lookup(name, { all: true });
  return found.flatMap(({ address }) => parseAddress(address.split('%')[0] ?? '') ?? []);
}

/**
 * Resolves names in the background, a few at a time. The last good answer of a name stays, whatever happens to its resolver
 * and to this process; a name that fails is tried again, with a pause that doubles.
 */
export async function openNames(deps: NamesDeps): Promise<Names> {
  const { now, log, limitMs = RESOLVE_LIMIT_MS } = deps;
  const file = await openNameFile(deps);
  const entries = new Map<string, Entry>();
  const queue: Entry[] = [];
  const watchers = new Set<() => void>();
  const timers = new Set<NodeJS.Timeout>();
  let [free, isClosed] = [AT_ONCE, false];

  const later = (ms: number, what: () => void): NodeJS.Timeout => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      what();
    }, ms).unref();
    timers.add(timer);
    return timer;
  };
  const ask = (entry: Entry): void => {
    if (entry.isAsked || isClosed) return;
    entry.isAsked = true;
    queue.push(entry);
    next();
  };
  const next = (): void => {
    while (free > 0) {
      const entry = queue.shift();
      if (entry === undefined) return;
      free -= 1;
      resolve(entry);
    }
  };
  const succeed = (entry: Entry, addresses: readonly Address[]): void => {
    Object.assign(entry, { nextAtMs: now() + RESOLVE_EVERY_MS, retryMs: RETRY_FIRST_MS, hasFailed: false });
    if (isSame(addresses, entry.addresses)) return;
    entry.addresses = addresses;
    file.set(entry.name, addresses);
    for (const tell of watchers) tell();
  };
  const fail = (entry: Entry): void => {
    if (!entry.hasFailed) log(failureWords(entry));
    Object.assign(entry, { hasFailed: true, nextAtMs: now() + entry.retryMs });
    later(entry.retryMs, () => now() - entry.wantedAtMs < WANTED_MS && ask(entry));
    entry.retryMs = Math.min(entry.retryMs * 2, RETRY_MOST_MS);
  };
  /** A resolver that is silent keeps its thread, but not its place here: others must get their turn. */
  const resolve = (entry: Entry): void => {
    let isOver = false;
    const end = (addresses: readonly Address[]): void => {
      const isLate = isOver;
      isOver = true;
      clearTimeout(timer);
      timers.delete(timer);
      if (isClosed) return;
      if (addresses.length > 0) succeed(entry, addresses);
      else if (!isLate) fail(entry);
      if (isLate) return;
      free += 1;
      next();
    };
    const timer = later(limitMs, () => end([]));
    // A name is asked again only when its resolver has answered: look-ups never pile up.
    const answered = (found: readonly Address[]): void => {
      entry.isAsked = false;
      end([...new Set(found)].slice(0, MOST_ADDRESSES).sort());
    };
    deps.resolve(entry.name).then(answered, () => answered([]));
  };
  const entryOf = (name: string): Entry => {
    const known = entries.get(name);
    if (known !== undefined) return known;
    if (entries.size >= MOST_NAMES) entries.delete(entries.keys().next().value ?? '');
    const kept = { addresses: file.get(name), wantedAtMs: 0, nextAtMs: 0, retryMs: RETRY_FIRST_MS };
    const entry = { name, ...kept, isAsked: false, hasFailed: false };
    entries.set(name, entry);
    return entry;
  };

  return {
    addressesOf(name) {
      const entry = entryOf(name);
      entry.wantedAtMs = now();
      if (entry.nextAtMs <= now()) ask(entry);
      return entry.addresses;
    },
    watch(onChange) {
      watchers.add(onChange);
      return () => void watchers.delete(onChange);
    },
    close() {
      isClosed = true;
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

function failureWords({ name, addresses }: Entry): string {
  const kept =
    addresses.length > 0 ? `what it was last stays (${addresses.join(', ')})` : 'it has no address yet';
  return `the name ${name} cannot be resolved; ${kept}, and it is tried again`;
}

const isSame = (a: readonly Address[], b: readonly Address[]): boolean => a.join() === b.join();
