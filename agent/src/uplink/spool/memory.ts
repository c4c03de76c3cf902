import type { Batch } from './record.ts';

/** Where a batch was kept: `memory` while the disk takes nothing, `lost` when no bound had room for it. */
export type Kept = 'disk' | 'memory' | 'lost';

interface Waiting {
  readonly batch: Batch;
  /** Tells whoever appended the batch; undefined once told. */
  resolve: ((kept: Kept) => void) | undefined;
}

/** Batches that are not on disk yet: for a moment each, for longer while the disk takes nothing. */
export class Memory {
  readonly #maxBytes: number;
  readonly #waiting = new Map<string, Waiting>();
  #bytes = 0;

  /** @param maxBytes bound that {@link excess} keeps */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Batches whose owners know that only the memory has them. */
  get unsafe(): number {
    let count = 0;
    for (const { resolve } of this.#waiting.values()) if (resolve === undefined) count += 1;
    return count;
  }

  add(batch: Batch, resolve: (kept: Kept) => void): void {
    this.#waiting.set(batch.jti, { batch, resolve });
    this.#bytes += batch.jws.length;
  }

  /** Batches of one lane to write together, trips before others, oldest first, up to a size. They stay until resolved. */
  take(mostBytes: number): Batch[] {
    const all = [...this.#waiting.values()].map(({ batch }) => batch);
    const trips = all.filter((batch) => batch.hasTrip);
    let bytes = 0;
    const fits = (batch: Batch): boolean => {
      const isFirst = bytes === 0;
      bytes += batch.jws.length;
      return isFirst || bytes <= mostBytes;
    };
    const lane = trips.length > 0 ? trips : all;
    const end = lane.findIndex((batch) => !fits(batch));
    return end === -1 ? lane : lane.slice(0, end);
  }

  /** The batch is on disk or lost: it leaves the memory. */
  resolve(jti: string, kept: 'disk' | 'lost'): void {
    const waiting = this.#waiting.get(jti);
    if (waiting === undefined) return;
    this.#waiting.delete(jti);
    this.#bytes -= waiting.batch.jws.length;
    waiting.resolve?.(kept);
  }

  /** The collector has the batch before the disk: as good as kept. */
  settle(jti: string): void {
    this.resolve(jti, 'disk');
  }

  /** Tells all who wait; the batches stay. */
  resolveAll(kept: Kept): void {
    for (const waiting of this.#waiting.values()) {
      waiting.resolve?.(kept);
      waiting.resolve = undefined;
    }
  }

  /** Names to give up so that the bound holds: the oldest without a trip first, trips last. */
  excess(): string[] {
    const all = [...this.#waiting.values()].map(({ batch }) => batch);
    const inOrder = [...all.filter((batch) => !batch.hasTrip), ...all.filter((batch) => batch.hasTrip)];
    let over = this.#bytes - this.#maxBytes;
    return inOrder
      .filter((batch) => {
        if (over <= 0) return false;
        over -= batch.jws.length;
        return true;
      })
      .map((batch) => batch.jti);
  }
}
