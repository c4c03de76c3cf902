import type { SpoolDisk } from './disk.ts';
import { type Batch, encodeRecord } from './record.ts';

/** Batches with trips and those without lie in files of their own, so that giving up the one frees its disk space. */
export type Lane = 'trips' | 'others';

/** Where a batch came to lie. */
export interface Placed {
  readonly batch: Batch;
  readonly name: string;
  readonly offset: number;
  readonly length: number;
}

interface Segment {
  readonly name: string;
  readonly lane: Lane;
  sizeBytes: number;
  /** Batches in it that nobody has taken yet. */
  readonly live: Set<string>;
}

/** The lane a batch belongs in. */
export const laneOf = (batch: { readonly hasTrip: boolean }): Lane => (batch.hasTrip ? 'trips' : 'others');

/** Reads a segment's file name, `0000000012-trips.seg`; undefined for other files. */
export function parseSegmentName(name: string): { number: number; lane: Lane } | undefined {
  const match = /^(\d{10})-(trips|others)\.seg$/.exec(name);
  return match === null ? undefined : { number: Number(match[1]), lane: match[2] as Lane };
}

/**
 * The append-only files of a spool: rotation, acknowledgement, giving up. Its caller does one thing at a time.
 * A segment goes when its last batch is settled; the one that is written to stays until it is full.
 */
export class Segments {
  readonly #disk: SpoolDisk;
  readonly #segmentBytes: number;
  /** Oldest first. */
  readonly #all = new Map<string, Segment>();
  readonly #current = new Map<Lane, Segment>();
  #nextNumber = 1;

  /** @param segmentBytes size at which the next file is begun */
  constructor(disk: SpoolDisk, segmentBytes: number) {
    this.#disk = disk;
    this.#segmentBytes = segmentBytes;
  }

  get totalBytes(): number {
    return this.bytesOf('trips') + this.bytesOf('others');
  }

  bytesOf(lane: Lane): number {
    let sum = 0;
    for (const segment of this.#all.values()) if (segment.lane === lane) sum += segment.sizeBytes;
    return sum;
  }

  /** Leaves the number of an earlier run's file alone. */
  reserve(name: string): void {
    this.#nextNumber = Math.max(this.#nextNumber, (parseSegmentName(name)?.number ?? 0) + 1);
  }

  /** Takes over a file of an earlier run; one with nothing to push is removed. Oldest first. */
  async adopt(name: string, sizeBytes: number, live: readonly string[]): Promise<void> {
    const parsed = parseSegmentName(name);
    if (parsed === undefined) return;
    const segment = { name, lane: parsed.lane, sizeBytes, live: new Set(live) };
    this.#all.set(name, segment);
    if (live.length === 0) await this.#remove(segment).catch(() => {});
  }

  /** Writes batches of one lane durably, all or none. Throws what the disk says. */
  async write(lane: Lane, batches: readonly Batch[]): Promise<Placed[]> {
    const segment = await this.#segmentFor(lane);
    const records = batches.map((batch) => encodeRecord({ kind: 'batch', batch }));
    try {
      await this.#disk.append(segment.name, Buffer.concat(records), true);
    } catch (error) {
      await this.#abandon(segment);
      throw error;
    }
    return batches.map((batch, i) => {
      const length = records[i]?.length ?? 0;
      const offset = segment.sizeBytes;
      segment.sizeBytes += length;
      segment.live.add(batch.jti);
      return { batch, name: segment.name, offset, length };
    });
  }

  /**
   * Notes that a batch was taken. Not synced: an acknowledgement lost in a crash means one more push of a batch that
   * the collector knows already.
   */
  async settle(name: string, jti: string): Promise<void> {
    const segment = this.#all.get(name);
    if (segment === undefined || !segment.live.delete(jti)) return;
    if (segment.live.size === 0 && this.#current.get(segment.lane) !== segment) return this.#remove(segment);
    const record = encodeRecord({ kind: 'ack', jti });
    await this.#disk.append(name, record, false);
    segment.sizeBytes += record.length;
  }

  /**
   * Gives up the oldest file of a lane that the disk lets go of; returns what was lost with it, or undefined when the
   * lane has no file. Throws what the disk says when it lets go of none.
   */
  async dropOldest(lane: Lane): Promise<string[] | undefined> {
    let fault: unknown;
    for (const segment of this.#all.values()) {
      if (segment.lane !== lane) continue;
      try {
        await this.#remove(segment);
        return [...segment.live];
      } catch (error) {
        fault ??= error;
      }
    }
    if (fault !== undefined) throw fault;
    return undefined;
  }

  async #segmentFor(lane: Lane): Promise<Segment> {
    const current = this.#current.get(lane);
    if (current !== undefined && current.sizeBytes < this.#segmentBytes) return current;
    const name = `${String(this.#nextNumber++).padStart(10, '0')}-${lane}.seg`;
    const segment: Segment = { name, lane, sizeBytes: 0, live: new Set() };
    this.#all.set(name, segment);
    this.#current.set(lane, segment);
    await this.#removeEmpty();
    return segment;
  }

  /** Files with nothing to push; what cannot be removed now is removed later. */
  async #removeEmpty(): Promise<void> {
    const inUse = new Set(this.#current.values());
    for (const segment of this.#all.values())
      if (segment.live.size === 0 && !inUse.has(segment)) await this.#remove(segment).catch(() => {});
  }

  /**
   * After a failed write nothing more goes into that file: what a failed fsync left of it is unknown (the kernel
   * forgets which pages it could not write), so the batches are written again, elsewhere.
   */
  async #abandon(segment: Segment): Promise<void> {
    this.#current.delete(segment.lane);
    try {
      if (segment.live.size === 0) await this.#remove(segment);
      else await this.#disk.truncate(segment.name, segment.sizeBytes);
    } catch {
      // The disk is out of order: what remains there is told apart by checksum and name at the next start.
      await this.#forgetUnmade(segment);
    }
  }

  /** A read-only disk makes no file and removes none: each try would leave one in the count that is not there. */
  async #forgetUnmade(segment: Segment): Promise<void> {
    const names = await this.#disk.list().catch(() => [segment.name]);
    if (!names.includes(segment.name)) this.#all.delete(segment.name);
  }

  /** The file is counted for as long as it is there: one that a failing disk keeps takes its room. */
  async #remove(segment: Segment): Promise<void> {
    await this.#disk.remove(segment.name);
    this.#all.delete(segment.name);
    if (this.#current.get(segment.lane) === segment) this.#current.delete(segment.lane);
  }
}
