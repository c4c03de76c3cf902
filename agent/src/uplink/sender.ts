import type { Log } from '../report/log.ts';
import { batchesOf, type News } from './batches.ts';
import { Outbox, type Outgoing } from './outbox.ts';
import type { Pusher } from './push.ts';
import { shifted } from './redate.ts';
import { type Speaker, seal } from './seal.ts';
import type { Spool } from './spool/spool.ts';

/** Least time between two batches of urgent news, ms: the first goes at once, what follows closely goes together. */
const URGENT_GAP_MS = 40;

/** How long other news waits for company, ms. */
const CALM_MS = 1_000;

/** What a sender works with. */
export interface SenderOptions {
  readonly speaker: Speaker;
  readonly spool: Spool;
  readonly pusher: Pick<Pusher, 'wake'>;
  readonly log: Log;
}

/** How safe what was handed over is. */
export interface Flushed {
  /** Batches that wait in memory alone: nothing is to count on them. */
  readonly waiting: number;
  /** What was given up before it was on disk, since the start: grows. */
  readonly lost: number;
}

/** Gathers news into batches, keeps them in the spool and has them pushed. */
export class Sender {
  readonly #options: SenderOptions;
  readonly #outbox = new Outbox();
  readonly #timers = new Map<'urgent' | 'calm', NodeJS.Timeout>();
  #lastUrgentMs = Number.NEGATIVE_INFINITY;
  #lost = 0;
  #sealing: Promise<void> = Promise.resolve();

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Sightings given up before they were in a batch. */
  get lost(): number {
    return this.#lost + this.#outbox.lost;
  }

  send(outgoing: Outgoing, isUrgent: boolean): void {
    this.#outbox.add(outgoing, isUrgent);
    const which = isUrgent ? 'urgent' : 'calm';
    if (this.#timers.has(which)) return;
    const waitMs = isUrgent ? this.#lastUrgentMs + URGENT_GAP_MS - performance.now() : CALM_MS;
    this.#timers.set(
      which,
      setTimeout(() => void this.#sealQueue(which), Math.max(0, waitMs)),
    );
  }

  /** Resolves when all that was handed over is in the spool, and says whether that has it on disk. */
  async flush(): Promise<Flushed> {
    await Promise.all([this.#sealQueue('urgent'), this.#sealQueue('calm')]);
    await this.#sealing;
    const { waiting, lost } = this.#options.spool.unsafe;
    return { waiting, lost: lost + this.#lost };
  }

  #sealQueue(which: 'urgent' | 'calm'): Promise<void> {
    clearTimeout(this.#timers.get(which));
    this.#timers.delete(which);
    if (which === 'urgent') this.#lastUrgentMs = performance.now();
    const news = this.#outbox.take(which);
    const work = this.#keep(news).catch((error: unknown) => {
      this.#lost += news.sightings.length;
      this.#options.log.error('news could not be sealed', { sightings: news.sightings.length, error });
    });
    this.#sealing = Promise.all([this.#sealing, work]).then(() => {});
    return work;
  }

  async #keep(news: News): Promise<void> {
    const { spool, speaker, pusher } = this.#options;
    const kept = batchesOf(news).map(async (content) => {
      // The host's times become the collector's, as the date of the batch does.
      await spool.append(await seal(shifted(content, speaker.clock.offsetMs()), speaker));
      pusher.wake();
    });
    await Promise.all(kept);
  }
}
