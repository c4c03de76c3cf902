import type { Batch } from './record.ts';

/** A batch that waits to be pushed: in memory, or where it lies on disk (bytes). */
export interface Entry {
  readonly jti: string;
  readonly hasTrip: boolean;
  /** As in the batch. */
  readonly originMs?: number;
  place:
    | { readonly in: 'memory'; readonly batch: Batch }
    | { readonly in: 'segment'; readonly name: string; readonly offset: number; readonly length: number };
}

/** The batches that wait, in the order in which they came. Holds no batch's text once it is on disk. */
export class BatchIndex {
  readonly #trips = new Map<string, Entry>();
  readonly #others = new Map<string, Entry>();
  /** Names of trips, oldest first; names that were settled meanwhile are dropped when they are met. */
  #tripNames: string[] = [];

  get size(): number {
    return this.#trips.size + this.#others.size;
  }

  get(jti: string): Entry | undefined {
    return this.#trips.get(jti) ?? this.#others.get(jti);
  }

  /** Adds a batch; one that is there already stays as it is. */
  add(entry: Entry): boolean {
    if (this.get(entry.jti) !== undefined) return false;
    if (entry.hasTrip) this.#tripNames.push(entry.jti);
    (entry.hasTrip ? this.#trips : this.#others).set(entry.jti, entry);
    return true;
  }

  delete(jti: string): void {
    this.#others.delete(jti);
    if (this.#trips.delete(jti) && this.#tripNames.length > 2 * this.#trips.size + 64) {
      this.#tripNames = [...this.#trips.keys()];
    }
  }

  /** All entries, those without trips first, oldest first. */
  *[Symbol.iterator](): Iterator<Entry> {
    yield* this.#others.values();
    yield* this.#trips.values();
  }

  /** What to push next: the newest trip, for a block that comes late helps nobody; else the oldest of the others. */
  next(isFree: (jti: string) => boolean): Entry | undefined {
    for (let at = this.#tripNames.length - 1; at >= 0; at--) {
      const entry = this.#trips.get(this.#tripNames[at] ?? '');
      if (entry !== undefined && isFree(entry.jti)) return entry;
    }
    for (const entry of this.#others.values()) if (isFree(entry.jti)) return entry;
    return undefined;
  }
}
