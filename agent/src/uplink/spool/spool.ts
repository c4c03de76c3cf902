import { uuid7TimeMs } from '@picket/protocol';
import type { Log } from '../../report/log.ts';
import { backOffMs } from '../retry.ts';
import { BatchIndex, type Entry, type IsFree, type Turn } from './batch-index.ts';
import type { SpoolDisk } from './disk.ts';
import { loadSegments, type Repairs } from './load.ts';
import { Loss } from './loss.ts';
import { type Kept, Memory } from './memory.ts';
import { type Batch, decodeRecord } from './record.ts';
import { laneOf, Segments } from './segments.ts';

/** Bounds of a spool; the defaults suit a small host. */
export interface SpoolOptions {
  readonly disk: SpoolDisk;
  readonly log: Log;
  /** Most disk space, bytes. */
  readonly maxBytes?: number;
  /** Most memory for batches that the disk does not take, bytes. */
  readonly maxMemoryBytes?: number;
  /** Wait before the disk is tried again, ms, after that many failures in a row. */
  readonly retryMs?: (failures: number) => number;
}

/** 64 MiB: about 200,000 sightings, months of an ordinary host, hours of a flood. */
const MAX_BYTES = 64 * 1024 * 1024;

/** 8 MiB beside an agent of some 60 MB. */
const MAX_MEMORY_BYTES = 8 * 1024 * 1024;

/** Files of this size: small enough to give up one at a time, large enough that few are made. */
const SEGMENT_BYTES = 1024 * 1024;

/** A small spool has small files, so that giving up one, or writing what waited, takes an eighth of it at most. */
const segmentBytes = (maxBytes: number): number => Math.min(SEGMENT_BYTES, Math.ceil(maxBytes / 8));

/** Figures of a spool. */
export interface SpoolStats extends Repairs {
  /** Batches that wait to be pushed. */
  readonly batches: number;
  /** Those of them that are in memory only. */
  readonly inMemory: number;
  readonly diskBytes: number;
  /** Batches given up to keep the bounds, ever. */
  readonly lost: number;
  readonly isDiskFailing: boolean;
}

/**
 * Keeps sealed batches until the collector has them. When the bounds are reached, the oldest batches without a trip
 * go first and batches with a trip last; each is counted. One process uses a folder at a time.
 */
export class Spool {
  readonly #disk: SpoolDisk;
  readonly #log: Log;
  readonly #maxBytes: number;
  readonly #retryMs: (failures: number) => number;
  readonly #index: BatchIndex;
  readonly #segments: Segments;
  readonly #memory: Memory;
  /** Undefined until what earlier runs left could be read. */
  #repairs: Repairs | undefined;
  #settled: { name: string; jti: string }[] = [];
  #work: Promise<void> | undefined;
  #failures = 0;
  #lostUnsafe = 0;
  #retry: NodeJS.Timeout | undefined;
  readonly #loss: Loss;

  private constructor(options: SpoolOptions) {
    this.#disk = options.disk;
    this.#log = options.log;
    this.#maxBytes = options.maxBytes ?? MAX_BYTES;
    this.#retryMs = options.retryMs ?? backOffMs;
    this.#index = new BatchIndex();
    this.#segments = new Segments(options.disk, segmentBytes(this.#maxBytes));
    this.#memory = new Memory(options.maxMemoryBytes ?? MAX_MEMORY_BYTES);
    this.#loss = new Loss(options.disk, options.log);
  }

  /**
   * Opens a spool with what an earlier run left in it. On a disk that is out of order it begins in memory alone, says
   * so, and takes that in once the disk can be read: a host without a working disk still watches and blocks.
   */
  static async open(options: SpoolOptions): Promise<Spool> {
    const spool = new Spool(options);
    spool.#wake();
    await spool.#work;
    return spool;
  }

  /** Keeps a batch. It counts as kept, through a power cut too, once this answers `disk`. */
  append(batch: Batch, isCopy = false): Promise<Kept> {
    const { jws: _, ...known } = batch;
    if (!this.#index.add({ ...known, isCopy, place: { in: 'memory', batch } }))
      return Promise.resolve('disk');
    return new Promise((resolve) => {
      this.#memory.add(batch, resolve);
      if (this.#retry === undefined) this.#wake();
      else this.#giveUpExcess();
    });
  }

  /**
   * Keeps batches in place of one, which is settled when they are as safe as it was; else it stays, they do not, and
   * the answer is false.
   */
  async replace(jti: string, batches: readonly Batch[]): Promise<boolean> {
    const kept = await Promise.all(batches.map((batch) => this.append(batch, true)));
    const isOnDisk = this.#index.get(jti)?.place.in === 'segment';
    const isSafe = kept.every((each) => each === 'disk' || (each === 'memory' && !isOnDisk));
    for (const batch of batches) {
      const entry = this.#index.get(batch.jti);
      if (!isSafe) this.settle(batch.jti);
      else if (entry !== undefined) entry.isCopy = false;
    }
    if (isSafe) this.settle(jti);
    return isSafe;
  }

  /** Batches that only the memory has while the disk takes nothing, and those of them that were given up, ever. */
  get unsafe(): { waiting: number; lost: number } {
    return { waiting: this.#memory.unsafe, lost: this.#lostUnsafe };
  }

  /** The next batch to push among those that are free: by default the newest trip, then the oldest of the others. */
  next(isFree: IsFree, turn: Turn = 'trip'): Entry | undefined {
    return this.#index.next(isFree, turn);
  }

  /** One of the last that came, among those that are free. */
  recent(isFree: IsFree): Entry | undefined {
    return this.#index.recent(isFree);
  }

  has(jti: string): boolean {
    return this.#index.get(jti) !== undefined;
  }

  /** A batch's text, or undefined when it was settled or given up meanwhile, or cannot be read. */
  async read({ jti, place, originMs }: Entry): Promise<Batch | undefined> {
    if (place.in === 'memory') return place.batch;
    try {
      const bytes = await this.#disk.readPart(place.name, place.offset, place.length);
      const record = decodeRecord(bytes)?.record;
      if (record?.kind !== 'batch' || record.batch.jti !== jti) return undefined;
      return { ...record.batch, ...(originMs === undefined ? {} : { originMs }) };
    } catch (error) {
      if (this.has(jti)) this.#log.warn('a batch of the spool cannot be read', { jti, error });
      return undefined;
    }
  }

  /** The collector has the batch, or it was put aside: it is not pushed again. */
  settle(jti: string): void {
    const entry = this.#index.get(jti);
    if (entry === undefined) return;
    this.#index.delete(jti);
    this.#memory.settle(jti);
    if (entry.place.in === 'segment') this.#settled.push({ name: entry.place.name, jti });
    if (this.#retry === undefined) this.#wake();
  }

  /** Gives up a batch that cannot be read any more. */
  giveUp(jti: string): void {
    const entry = this.#index.get(jti);
    if (entry === undefined) return;
    this.#loss.count(entry);
    this.settle(jti);
  }

  /** Gives up what was sealed before the time (Unix ms of the clock that made the names), if its date is not in doubt. */
  expire(beforeMs: number): void {
    for (const { jti, originMs } of [...this.#index])
      if (originMs === undefined && uuid7TimeMs(jti) < beforeMs) this.giveUp(jti);
  }

  stats(): SpoolStats {
    return {
      ...(this.#repairs ?? { torn: 0, damaged: 0 }),
      batches: this.#index.size,
      inMemory: this.#memory.size,
      diskBytes: this.#segments.totalBytes,
      lost: this.#loss.total,
      isDiskFailing: this.#failures > 0,
    };
  }

  /** Ends writing, after a last try for what is in memory. */
  async close(): Promise<void> {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#wake();
    await this.#work;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#loss.tell();
  }

  #wake(): void {
    this.#work ??= this.#drain();
  }

  /** One writer: what is appended while a write is under way shares the next one, and its fsync. */
  async #drain(): Promise<void> {
    try {
      await Promise.resolve(); // lets what is appended in the same turn join
      this.#repairs ??= await this.#load();
      while (this.#settled.length > 0 || this.#memory.size > 0 || this.#loss.isUnwritten) {
        await this.#writeSettled();
        await this.#writeBatches();
        if (this.#loss.isUnwritten) await this.#loss.write();
      }
    } catch (error) {
      this.#onFault(error);
    } finally {
      this.#work = undefined; // in the same turn as the last look at what waits, so that none is overlooked
    }
  }

  /** Before anything is written: files of an earlier run must not be taken for new ones. */
  async #load(): Promise<Repairs> {
    const into = { disk: this.#disk, index: this.#index, segments: this.#segments, log: this.#log };
    const repairs = await loadSegments(into);
    await this.#loss.load();
    if (repairs.torn + repairs.damaged > 0) this.#log.warn('the spool was repaired', { ...repairs });
    if (this.#failures > 0) this.#log.info('the spool can be read again', { failures: this.#failures });
    this.#failures = 0;
    return repairs;
  }

  async #writeSettled(): Promise<void> {
    const settled = this.#settled;
    this.#settled = [];
    for (const { name, jti } of settled) {
      await this.#segments
        .settle(name, jti)
        .catch((error: unknown) => this.#log.debug('an acknowledgement was not written', { jti, error }));
    }
  }

  async #writeBatches(): Promise<void> {
    const batches = this.#memory.take(segmentBytes(this.#maxBytes));
    const [first] = batches;
    if (first === undefined) return;
    if (!(await this.#makeRoom(first, batches))) return;
    for (const { batch, name, offset, length } of await this.#segments.write(laneOf(first), batches)) {
      const entry = this.#index.get(batch.jti);
      if (entry === undefined) this.#settled.push({ name, jti: batch.jti });
      else entry.place = { in: 'segment', name, offset, length };
      this.#memory.resolve(batch.jti, 'disk');
    }
    if (this.#failures > 0) this.#log.info('the spool can write again', { failures: this.#failures });
    this.#failures = 0;
  }

  /** Frees disk space for batches of one lane; false when they go themselves, and then nothing else goes. */
  async #makeRoom(first: Batch, batches: readonly Batch[]): Promise<boolean> {
    const wantBytes = batches.reduce((sum, batch) => sum + batch.jws.length + 64, 0);
    const keptBytes = first.hasTrip ? 0 : this.#segments.bytesOf('trips');
    if (keptBytes + wantBytes > this.#maxBytes) {
      for (const { jti } of batches) this.#lose(jti);
      return false;
    }
    while (this.#segments.totalBytes + wantBytes > this.#maxBytes) {
      const lost =
        (await this.#segments.dropOldest('others')) ?? (await this.#segments.dropOldest('trips')) ?? [];
      for (const jti of lost) this.#lose(jti);
    }
    return true;
  }

  #lose(jti: string): void {
    const entry = this.#index.get(jti);
    if (entry !== undefined && entry.isCopy !== true) {
      this.#loss.count(entry);
      if (entry.place.in === 'memory') this.#lostUnsafe += 1;
    }
    this.#index.delete(jti);
    this.#memory.resolve(jti, 'lost');
  }

  #onFault(error: unknown): void {
    this.#failures += 1;
    const inMemory = this.#memory.size;
    if (this.#failures === 1) {
      this.#log.error('the spool cannot write: batches are kept in memory only', { error, inMemory });
    }
    this.#giveUpExcess();
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#wake();
    }, this.#retryMs(this.#failures)).unref();
  }

  /** While the disk takes nothing: nobody waits for it, and the memory's bound holds. */
  #giveUpExcess(): void {
    for (const jti of this.#memory.excess()) this.#lose(jti);
    this.#memory.resolveAll('memory');
  }
}
