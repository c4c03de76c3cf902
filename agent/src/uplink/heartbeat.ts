import { EVENT, type StatusEvent } from '@picket/protocol';
import type { Log } from '../report/log.ts';
import type { Pusher } from './push.ts';
import { type Speaker, seal } from './seal.ts';

/** Least time between two statuses, ms: lists that change in a row are told together. */
const LEAST_GAP_MS = 1_000;

/** What a heartbeat works with. */
export interface HeartbeatOptions {
  readonly speaker: Speaker;
  readonly pusher: Pick<Pusher, 'pushOnce'>;
  readonly log: Log;
  readonly status: () => StatusEvent;
}

/**
 * Tells the collector how the host is: at the interval of the enrolment, and soon after something changed. A status is
 * worthless when it is late, so it is not spooled.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #timer: NodeJS.Timeout | undefined;
  #dueMs = Number.POSITIVE_INFINITY;
  #lastMs = Number.NEGATIVE_INFINITY;
  #isStopped = false;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /** Something changed that the collector should know soon. */
  tellSoon(): void {
    this.#plan(Math.max(performance.now(), this.#lastMs + LEAST_GAP_MS));
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #plan(dueMs: number): void {
    if (this.#isStopped || dueMs >= this.#dueMs) return;
    clearTimeout(this.#timer);
    this.#dueMs = dueMs;
    this.#timer = setTimeout(() => void this.#tell(), dueMs - performance.now()).unref();
  }

  async #tell(): Promise<void> {
    const { speaker, pusher, log, status } = this.#options;
    this.#dueMs = Number.POSITIVE_INFINITY;
    this.#lastMs = performance.now();
    // Half a minute of spread at most, so that hosts that started together do not report together for ever.
    const intervalMs = speaker.enrolment.statusSeconds * 1000;
    this.#plan(this.#lastMs + intervalMs - Math.min(30_000, intervalMs * 0.1) * Math.random());
    try {
      const content = { events: { [EVENT.status]: status() }, hasTrip: false };
      const isTaken = await pusher.pushOnce((await seal(content, speaker)).jws);
      if (!isTaken) log.debug('a status was not taken');
    } catch (error) {
      log.error('a status could not be sent', { error });
    }
  }
}
