import type { Log } from '../../report/log.ts';
import type { SpoolDisk } from './disk.ts';

/** File in which what was given up is counted: a loss is told after a restart too. */
const FILE = 'lost.txt';

/** Least time between two lines of the log about losses, ms. */
const TELL_MS = 60_000;

/** Counts batches that were given up, keeps the count, and tells the log. */
export class Loss {
  readonly #disk: SpoolDisk;
  readonly #log: Log;
  #before = 0;
  #here = 0;
  #trips = 0;
  #written = 0;
  #told = 0;
  #tellAtMs = Number.NEGATIVE_INFINITY;

  constructor(disk: SpoolDisk, log: Log) {
    this.#disk = disk;
    this.#log = log;
  }

  /** Adds what earlier runs counted. A file that cannot be read is told and counts as none. */
  async load(): Promise<void> {
    try {
      if (!(await this.#disk.list()).includes(FILE)) return;
      const text = (await this.#disk.read(FILE)).toString('latin1');
      // The last whole line: agents of before added one for each total, and a crash may have torn one.
      const totals = [...text.matchAll(/^(\d{1,15})\n/gm)].map(([, total]) => Number(total));
      this.#before = totals.at(-1) ?? 0;
    } catch (error) {
      this.#log.warn('the count of what was given up before cannot be read', { error });
    }
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
      await this.#disk.replace(FILE, `${this.#before + here}\n`);
    } catch (error) {
      this.#log.debug('the count of what was given up was not written', { error });
    }
    this.#written = here;
  }
}
