import { uuid7TimeMs } from '@picket/protocol';
import type { Log } from '../report/log.ts';
import { halvesOf } from './batches.ts';
import { type Endpoints, soleEndpoint } from './endpoints.ts';
import type { HttpClient } from './http.ts';
import { post } from './post.ts';
import { BACKLOG_PER_SECOND, Ration } from './ration.ts';
import { redated, redatedByGuess } from './redate.ts';
import type { Reject } from './rejected.ts';
import { backOffMs } from './retry.ts';
import { isOfPresentKey, isSealedBy, type Speaker, seal, sealedAnew, unseal } from './seal.ts';
import type { Entry, IsFree, Turn } from './spool/batch-index.ts';
import type { Batch } from './spool/record.ts';
import type { Spool } from './spool/spool.ts';
import { Troubles } from './troubles.ts';
import type { Pause, Verdict } from './verdict.ts';

/** What a pusher works with. */
export interface PusherOptions {
  readonly http: HttpClient;
  readonly speaker: Speaker;
  readonly spool: Spool;
  readonly reject: Reject;
  readonly log: Log;
  /** Where the collector is called; by default on the URL of the enrolment. */
  readonly endpoints?: Endpoints;
  /** Wait after that many failures in a row, ms. */
  readonly retryMs?: (failures: number) => number;
  /** A push must be answered within this, ms. */
  readonly limitMs?: number;
  /** How long batches wait for the collector's first word about the time, ms. */
  readonly clockWaitMs?: number;
  /** Batches of the backlog a second. */
  readonly backlogPerSecond?: number;
}

/**
 * A host whose clock is wrong learns that within two answers of the collector; a batch pushed before tells wrong times.
 * Where the block list cannot be had, nothing is learned and news must go all the same.
 */
const CLOCK_WAIT_MS = 2_000;

/** Batches under way at once. */
const CONCURRENCY = 4;

/** What waited longer than this is backlog, ms; what is younger is fresh news, and never waits for the backlog. */
const FRESH_MS = 60_000;

/** Three of four are trips, the newest first; the others, newest and oldest in turn, are never starved by them. */
const TURNS: readonly Turn[] = ['trip', 'trip', 'trip', 'newest', 'trip', 'trip', 'trip', 'oldest'];

/** After this many failures of one batch, with others accepted in between, the batch is what is wrong. */
const MAX_FAILURES = 3;

/** Why a batch stays that is to be sealed again. */
const UNSAFE = 'what is to replace it is not on disk';

/** A wake-up shortens a wait that the agent chose itself to this since the last try, ms. */
const WAKE_GAP_MS = 1_000;

/** Sends what is in the spool, several batches at once, for as long as it runs. */
export class Pusher {
  readonly #options: PusherOptions;
  readonly #retryMs: (failures: number) => number;
  readonly #underWay = new Set<string>();
  readonly #troubles: Troubles;
  readonly #ration: Ration;
  #turn = 0;
  #accepted = 0;
  #rejected = 0;
  #pauses = 0;
  #why: string | undefined;
  #notBeforeMs = 0;
  /** Until then no batch is pushed unless the collector's time is known; 0 once it was. */
  #clockByMs: number;
  #lastTryMs = 0;
  #isAsked = false;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  #idle: (() => void)[] = [];

  constructor(options: PusherOptions) {
    this.#options = options;
    this.#retryMs = options.retryMs ?? backOffMs;
    this.#troubles = new Troubles(this.#retryMs);
    this.#ration = new Ration(options.backlogPerSecond ?? BACKLOG_PER_SECOND, performance.now());
    this.#clockByMs = performance.now() + (options.clockWaitMs ?? CLOCK_WAIT_MS);
  }

  /** Batches accepted and rejected since the start, and why nothing is pushed now, if so. */
  get stats(): { accepted: number; rejected: number; why: string | undefined } {
    return { accepted: this.#accepted, rejected: this.#rejected, why: this.#why };
  }

  /**
   * Looks for work. Call it when something was spooled, or when the collector was seen to answer; a wait that the
   * collector asked for is kept.
   */
  wake(): void {
    if (!this.#isAsked) this.#notBeforeMs = Math.min(this.#notBeforeMs, this.#lastTryMs + WAKE_GAP_MS);
    this.#pump();
  }

  /** Resolves when nothing is under way and nothing can be sent now; nothing waits for the time any more. */
  async whenIdle(): Promise<void> {
    this.#clockByMs = 0;
    this.#pump();
    if (this.#underWay.size > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Sends a token once, outside the spool: for what is worthless when it is late. True when it was taken. */
  async pushOnce(jws: string): Promise<boolean> {
    return (await this.#post(jws)).do === 'settle';
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #pump(): void {
    clearTimeout(this.#timer);
    const nowMs = performance.now();
    if (this.#options.speaker.clock.isLearned()) this.#clockByMs = 0;
    const isPaused = nowMs < Math.max(this.#notBeforeMs, this.#clockByMs);
    if (!this.#isStopped && !isPaused) this.#startWork(nowMs);
    this.#planNext(nowMs);
    if (this.#underWay.size > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #startWork(nowMs: number): void {
    const isFree = (jti: string): boolean => !this.#underWay.has(jti) && this.#troubles.isFree(jti, nowMs);
    // While the collector fails one batch at a time finds out whether it is back.
    const isFailing = this.#pauses > 0;
    // Not with one that failed before, if there is another: that one may be all that it fails at.
    const isUntried = (jti: string): boolean => isFree(jti) && this.#troubles.failuresOf(jti) === 0;
    while (this.#underWay.size < (isFailing ? 1 : CONCURRENCY)) {
      const entry = (isFailing && this.#nextEntry(isUntried, nowMs)) || this.#nextEntry(isFree, nowMs);
      if (entry === undefined) return;
      this.#underWay.add(entry.jti);
      this.#lastTryMs = nowMs;
      void this.#pushEntry(entry);
    }
  }

  /** What to push next; while the backlog has no turn, fresh news alone. */
  #nextEntry(isFree: IsFree, nowMs: number): Entry | undefined {
    const { spool, speaker } = this.#options;
    const freshFromMs = speaker.clock.nowMs() - FRESH_MS;
    const isFresh = (jti: string): boolean => uuid7TimeMs(jti) >= freshFromMs;
    if (this.#ration.waitMs(nowMs) > 0) return spool.recent((jti) => isFree(jti) && isFresh(jti));
    const entry = spool.next(isFree, TURNS[this.#turn++ % TURNS.length]);
    if (entry !== undefined && !isFresh(entry.jti)) this.#ration.take(nowMs);
    return entry;
  }

  #planNext(nowMs: number): void {
    const waits = [
      this.#notBeforeMs,
      this.#clockByMs,
      this.#options.spool.stats().batches > this.#underWay.size ? nowMs + this.#ration.waitMs(nowMs) : 0,
      ...this.#troubles.waits(),
    ];
    const later = waits.filter((each) => each > nowMs);
    if (this.#isStopped || later.length === 0) return;
    this.#timer = setTimeout(() => this.#pump(), Math.min(...later) - nowMs + 1).unref();
  }

  async #pushEntry(entry: Entry): Promise<void> {
    try {
      const batch = await this.#options.spool.read(entry);
      if (batch === undefined) this.#unreadable(entry.jti);
      else if (!(await this.#replace(batch, await redated(batch, this.#options.speaker))))
        await this.#act(batch, await this.#post(batch.jws));
    } catch (error) {
      this.#options.log.error('pushing a batch failed inside the agent', { jti: entry.jti, error });
      this.#fail(entry.jti, 'a fault inside the agent');
    } finally {
      this.#underWay.delete(entry.jti);
      this.#pump();
    }
  }

  async #act(batch: Batch, verdict: Verdict): Promise<void> {
    if (verdict.do === 'pause') return this.#isStopped ? undefined : this.#onPause(batch, verdict);
    this.#resume();
    if (verdict.do === 'settle') {
      this.#accepted += 1;
      this.#settle(batch.jti);
    } else if (verdict.do === 'reject') await this.#onRefusal(batch, verdict);
    else if (verdict.do === 'split') await this.#split(batch);
    else if (this.#fail(batch.jti, verdict.why)) await this.#reject(batch, verdict.why);
  }

  /** What was sealed as another host is nobody's any more; what a former key sealed that has ended is sealed again. */
  async #onPause(batch: Batch, verdict: Pause): Promise<void> {
    const { speaker } = this.#options;
    const { isAboutHost = false, isAboutKey = false, isMaybeBatch = false, why } = verdict;
    if (isAboutHost && !isSealedBy(batch.jws, speaker)) return this.#reject(batch, why);
    if (isMaybeBatch && this.#fail(batch.jti, why, true)) return this.#reject(batch, why);
    if (!isAboutKey || isOfPresentKey(batch.jws, speaker)) return this.#pause(verdict);
    await this.#replace(batch, await sealedAnew(batch, speaker), why);
  }

  /** A batch with a wrong date is sealed again, now or when the collector's time is known. */
  async #onRefusal(
    batch: Batch,
    { why, isMaybeDate }: { why: string; isMaybeDate?: boolean },
  ): Promise<void> {
    const { speaker } = this.#options;
    if (isMaybeDate === true) {
      const isInDoubt = batch.originMs !== undefined && !speaker.clock.isLearned();
      if (isInDoubt && !this.#fail(batch.jti, why)) return;
      const again = (await redated(batch, speaker)) ?? (await redatedByGuess(batch, speaker));
      if (await this.#replace(batch, again)) return;
    }
    await this.#reject(batch, why);
  }

  /** Keeps a batch in place of another, if there is one; on disk before the former goes. */
  async #replace(batch: Batch, again: Batch | undefined, why = 'a wrong clock dated it'): Promise<boolean> {
    if (again === undefined) return false;
    if (await this.#options.spool.replace(batch.jti, [again])) {
      this.#options.log.info('a batch is sealed again', { jti: batch.jti, newJti: again.jti, why });
      this.#troubles.forget(batch.jti);
    } else this.#fail(batch.jti, UNSAFE);
    return true;
  }

  /** Notes a failure of one batch; true when the batch itself is what is wrong. */
  #fail(jti: string, why: string, isMaybeAll = false): boolean {
    const { failures, acceptedBefore } = this.#troubles.note(jti, this.#accepted, isMaybeAll);
    this.#options.log[isMaybeAll ? 'debug' : 'warn']('a batch was not taken', { jti, why, failures });
    return failures >= MAX_FAILURES && this.#accepted > acceptedBefore;
  }

  /** Gone from the spool meanwhile, or the disk does not give it back. */
  #unreadable(jti: string): void {
    if (!this.#options.spool.has(jti)) return;
    this.#fail(jti, 'the spool cannot read it');
    if (this.#troubles.failuresOf(jti) < MAX_FAILURES) return;
    this.#troubles.forget(jti);
    this.#options.spool.giveUp(jti);
  }

  #pause({ why, waitMs }: { why: string; waitMs?: number }): void {
    // Several pushes under way fail together; that is one failure of the collector.
    if (waitMs === undefined && performance.now() < this.#notBeforeMs) return;
    this.#pauses += 1;
    this.#isAsked = waitMs !== undefined;
    this.#notBeforeMs = performance.now() + Math.max(waitMs ?? 0, this.#retryMs(this.#pauses));
    if (this.#why === why) return;
    this.#why = why;
    const { batches } = this.#options.spool.stats();
    this.#options.log.warn('the collector takes no batches now; they are kept', { why, batches });
  }

  #resume(): void {
    if (this.#why !== undefined) this.#options.log.info('the collector takes batches again');
    this.#why = undefined;
    this.#pauses = 0;
    this.#notBeforeMs = 0;
    this.#isAsked = false;
  }

  async #reject(batch: Batch, why: string): Promise<void> {
    await this.#options.reject(batch, why);
    this.#rejected += 1;
    this.#settle(batch.jti);
  }

  /** The halves are on disk before the whole goes; what a crash in between doubles changes nothing there. */
  async #split(batch: Batch): Promise<void> {
    const halves = halvesOf(unseal(batch.jws));
    if (halves === undefined) return this.#reject(batch, 'too large for the collector, and indivisible');
    const sealed = await Promise.all(halves.map((half) => seal(half, this.#options.speaker)));
    if (await this.#options.spool.replace(batch.jti, sealed)) this.#troubles.forget(batch.jti);
    else this.#fail(batch.jti, UNSAFE);
  }

  #settle(jti: string): void {
    this.#troubles.forget(jti);
    this.#options.spool.settle(jti);
  }

  async #post(jws: string): Promise<Verdict> {
    const { endpoints = soleEndpoint(this.#options.speaker.enrolment.url) } = this.#options;
    const base = endpoints.current();
    const verdict = await post(jws, base, this.#options);
    if (verdict.do !== 'pause' || verdict.isAboutWay !== true || this.#isStopped) return verdict;
    return endpoints.failed(base) ? unasked(verdict) : verdict;
  }
}

/** Without the wait: the server that asked for it is not the one that is called next. */
function unasked({ waitMs, ...pause }: Pause): Pause {
  return pause;
}
