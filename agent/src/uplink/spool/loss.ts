import type { Log } from '../../report/log.ts';
import type { SpoolDisk } from './disk.ts';

/** File in which what was given up is counted, one total a line: a loss is told after a restart too. */
const FILE = 'lost.txt';

/** At this length the file is begun anew, bytes. */
const LONG_BYTES = 4_096;

/** Least time between two lines of the log about losses, ms. */
const TELL_MS = 60_000;

/** Counts batches that were given up, keeps the count, and tells the log. */
export class Loss {
  readonly #disk: SpoolDisk;
  readonly #log: Log;
  readonly #before: number;
  #here = 0;
  #trips = 0;
  #written = 0;
  #told = 0;
  #tellAtMs = Number.NEGATIVE_INFINITY;

  private constructor(disk: SpoolDisk, log: Log, before: number) {
    this.#disk = disk;
    this.#log = log;
    this.#before = before;
  }

  /** With what earlier runs counted. */
  static async open(disk: SpoolDisk, log: Log): Promise<Loss> {
    if (!(await disk.list()).includes(FILE)) return new Loss(disk, log, 0);
    const text = (await disk.read(FILE)).toString('latin1');
    // The last whole line: a crash may have torn one.
    const totals = [...text.matchAll(/^(\d{1,15})\n/gm)].map(([, total]) => Number(total));
    const before = totals.at(-1) ?? 0;
    if (text.length > LONG_BYTES) {
      await disk.truncate(FILE, 0);
      await disk.append(FILE, Buffer.from(`${before}\n`), true);
    }
    return new Loss(disk, log, before);
  }

  /** Batches given up, by this run and those before it. */
  get total(): number {
    return this.#before + this.#here;
  }

  /** Whether the file does not have the count yet. */
  get isUnwritten(): boolean {
    return this.#written !== this.#here;
  }

  count({ hasTrip }: { readonly hasTrip: boolean }, nowMs = performance.now()): void {
    this.#here += 1;
    if (hasTrip) this.#trips += 1;
    if (nowMs < this.#tellAtMs) return;
    this.#tellAtMs = nowMs + TELL_MS;
    // In a turn of its own, so that what is given up together is told together.
    queueMicrotask(() => this.tell());
  }

  /** Tells what was not told yet. */
  tell(): void {
    if (this.#here === this.#told) return;
    this.#told = this.#here;
    const fields = { batches: this.#here, withTrips: this.#trips, everBefore: this.#before };
    this.#log.error('events were given up that the collector did not take in time', fields);
  }

  /** Keeps the count; what cannot be written is tried with the next write. */
  async write(): Promise<void> {
    const here = this.#here;
    try {
      await this.#disk.append(FILE, Buffer.from(`${this.#before + here}\n`), false);
    } catch (error) {
      this.#log.debug('the count of what was given up was not written', { error });
    }
    this.#written = here;
  }
}
