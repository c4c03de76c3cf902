/**
 * Batches of the backlog a second: a full spool of the smallest batches, some 60,000, is told within an hour, and a
 * thousand hosts that come back together bring no more than 20,000 a second.
 */
export const BACKLOG_PER_SECOND = 20;

/** Hands out turns at a bounded rate: a bucket of tokens that holds one second of them. */
export class Ration {
  readonly #perSecond: number;
  #tokens: number;
  #atMs: number;

  /** @param nowMs monotonic, as all times here */
  constructor(perSecond: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#tokens = perSecond;
    this.#atMs = nowMs;
  }

  /** How long until there is a turn, ms; 0 when there is one. */
  waitMs(nowMs: number): number {
    this.#refill(nowMs);
    return this.#tokens >= 1 ? 0 : ((1 - this.#tokens) / this.#perSecond) * 1000;
  }

  take(nowMs: number): void {
    this.#refill(nowMs);
    this.#tokens -= 1;
  }

  #refill(nowMs: number): void {
    const gained = (Math.max(0, nowMs - this.#atMs) / 1000) * this.#perSecond;
    this.#tokens = Math.min(this.#perSecond, this.#tokens + gained);
    this.#atMs = nowMs;
  }
}
