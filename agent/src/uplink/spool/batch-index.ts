import type { Batch } from './record.ts';

/** A batch that waits to be pushed: in memory, or where it lies on disk (bytes). */
export interface Entry {
  readonly jti: string;
  readonly hasTrip: boolean;
  /** As in the batch. */
  readonly originMs?: number;
  /** While it stands beside the batch it is to replace: to give it up is no loss. */
  isCopy?: boolean;
  place:
    | { readonly in: 'memory'; readonly batch: Batch }
    | { readonly in: 'segment'; readonly name: string; readonly offset: number; readonly length: number };
}

/** Whose turn it is: the newest trip, the newest of the others or the oldest of the others; where there is none, another. */
export type Turn = 'trip' | 'newest' | 'oldest';

/** Says whether a batch may be pushed now. */
export type IsFree = (jti: string) => boolean;

/** Entries in the order in which they came, to be looked through from both ends. */
class Row {
  readonly entries = new Map<string, Entry>();
  /** Names, oldest first; those that were settled meanwhile are dropped when they are met. */
  #names: string[] = [];

  add(entry: Entry): void {
    this.#names.push(entry.jti);
    this.entries.set(entry.jti, entry);
  }

  delete(jti: string): void {
    if (this.entries.delete(jti) && this.#names.length > 2 * this.entries.size + 64)
      this.#names = [...this.entries.keys()];
  }

  oldest(isFree: IsFree): Entry | undefined {
    for (const entry of this.entries.values()) if (isFree(entry.jti)) return entry;
    return undefined;
  }

  /** @param mostLooks entries that are looked at; a pusher's are some 10,000 at most, for so many are not free at once */
  newest(isFree: IsFree, mostLooks = Number.POSITIVE_INFINITY): Entry | undefined {
    const seen: string[] = [];
    let found: Entry | undefined;
    while (found === undefined && seen.length < mostLooks) {
      const jti = this.#names.pop();
      if (jti === undefined) break;
      const entry = this.entries.get(jti);
      if (entry === undefined) continue;
      seen.push(jti);
      if (isFree(jti)) found = entry;
    }
    // Without those that were settled: the next look must not pass over them once more, tens of thousands in a full spool.
    for (const jti of seen.reverse()) this.#names.push(jti);
    return found;
  }
}

/** The batches that wait, in the order in which they came. Holds no batch's text once it is on disk. */
export class BatchIndex {
  readonly #trips = new Row();
  readonly #others = new Row();

  get size(): number {
    return this.#trips.entries.size + this.#others.entries.size;
  }

  get(jti: string): Entry | undefined {
    return this.#trips.entries.get(jti) ?? this.#others.entries.get(jti);
  }

  /** Adds a batch; one that is there already stays as it is. */
  add(entry: Entry): boolean {
    if (this.get(entry.jti) !== undefined) return false;
    (entry.hasTrip ? this.#trips : this.#others).add(entry);
    return true;
  }

  delete(jti: string): void {
    this.#others.delete(jti);
    this.#trips.delete(jti);
  }

  /** All entries, those without trips first, oldest first. */
  *[Symbol.iterator](): Iterator<Entry> {
    yield* this.#others.entries.values();
    yield* this.#trips.entries.values();
  }

  /** What to push next. Of trips the newest, for a block that comes late helps nobody. */
  next(isFree: IsFree, turn: Turn = 'trip'): Entry | undefined {
    const [trips, others] = [this.#trips, this.#others];
    if (turn === 'trip') return trips.newest(isFree) ?? others.oldest(isFree);
    return (turn === 'newest' ? others.newest(isFree) : others.oldest(isFree)) ?? trips.newest(isFree);
  }

  /** One of the last that came, a trip first; undefined when there is none among those few. */
  recent(isFree: IsFree): Entry | undefined {
    return this.#trips.newest(isFree, RECENT) ?? this.#others.newest(isFree, RECENT);
  }
}

/** How many of the last batches are looked at for fresh ones: more do not come within the moment that is asked for. */
const RECENT = 64;
