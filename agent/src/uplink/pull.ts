import {
  BLOCK_LIST_TYP,
  type BlockListClaims,
  blockEntrySchema,
  blockListClaimsSchema,
  collectorUrn,
  MAX_BLOCK_LIST_ENTRIES,
  networkUrn,
  pushErrorSchema,
} from '@picket/protocol';
import type { CryptoKey } from 'jose';
import type { Log } from '../report/log.ts';
import { NOISE_MS } from './clock.ts';
import { verifyingKey } from './collector-key.ts';
import { type Endpoints, soleEndpoint } from './endpoints.ts';
import type { HttpClient, HttpReply } from './http.ts';
import { type ListRefusal, type ListState, NO_LIST, updateList } from './list-state.ts';
import { requestToken } from './request-token.ts';
import { backOffMs, retryAfterMs } from './retry.ts';
import type { Speaker } from './seal.ts';
import { readSignedReply } from './signed-reply.ts';
import { parseJson } from './state-file.ts';

/** What a puller works with. */
export interface PullerOptions {
  readonly http: HttpClient;
  readonly speaker: Speaker;
  readonly log: Log;
  /** Where the collector is called; by default on the URL of the enrolment. */
  readonly endpoints?: Endpoints;
  /** Takes each newer list. */
  readonly onList: (state: ListState) => void;
  /** Called whenever the collector answered as itself. */
  readonly onContact: () => void;
  /** Called whenever a list was not believed. */
  readonly onRefused?: () => void;
  /** Called whenever the collector does not take the key of this host. */
  readonly onDenied?: () => void;
  readonly retryMs?: (failures: number) => number;
  /** How long the collector is asked to hold a request, seconds. */
  readonly waitSeconds?: number;
  /** Time beyond that within which an answer must be there, ms. */
  readonly graceMs?: number;
}

/** Under the idle limit of common proxies and address translators (30-60 s). */
const WAIT_SECONDS = 25;

/** For a long list over a slow line, ms. */
const GRACE_MS = 15_000;

/** Longest reply that is read, bytes: 100,000 entries with long reasons are about 25 MB signed. */
const MAX_REPLY_BYTES = 32 * 1024 * 1024;

/** An answer without news that comes sooner was not held: the server does no long polling, ms. */
const HELD_MS = 1_000;

/** Longest wait between questions to a server that neither holds them nor says when to ask, ms. */
const LONGEST_POLL_MS = 10_000;

/** Why a list is not believed: for programs, and for people. */
interface Disbelief {
  readonly code: ListRefusal;
  readonly why: string;
}

/** When to ask next, ms; or what went wrong. */
type Round = { ok: true; waitMs: number } | { ok: false; why: string; waitMs?: number; isAboutWay?: boolean };

/** Asks the collector for the network's block list for as long as it runs. */
export class Puller {
  readonly #options: PullerOptions;
  #state: ListState;
  #key: CryptoKey | undefined;
  /** True: the next request asks for the whole list. */
  #isWholeAsked = false;
  readonly #refusedLists: Partial<Record<ListRefusal, number>> = {};
  #failures = 0;
  #quickAnswers = 0;
  #why: string | undefined;
  #running: Promise<void> | undefined;
  #isStopped = false;
  #wakeUp: () => void = () => {};

  /** @param state the list of an earlier run, or NO_LIST */
  constructor(options: PullerOptions, state: ListState = NO_LIST) {
    this.#options = options;
    this.#state = state;
  }

  /** Why the list cannot be had now, if so. */
  get why(): string | undefined {
    return this.#why;
  }

  /** Lists that were not believed, by reason. */
  get refusedLists(): Readonly<Partial<Record<ListRefusal, number>>> {
    return this.#refusedLists;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends once the HTTP client was closed, or after the request under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#wakeUp();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      const endpoints = this.#options.endpoints ?? soleEndpoint(this.#options.speaker.enrolment.url);
      const base = endpoints.current();
      const round = await this.#round(base).catch((error: unknown): Round => {
        this.#options.log.error('asking for the block list failed inside the agent', { error });
        return { ok: false, why: 'a fault inside the agent' };
      });
      if (this.#isStopped) return;
      const isElsewhere = !round.ok && round.isAboutWay === true && endpoints.failed(base);
      await this.#sleep(round.ok ? this.#onSuccess(round.waitMs) : this.#onFailure(round, isElsewhere));
    }
  }

  #onSuccess(waitMs: number): number {
    if (this.#why !== undefined) this.#options.log.info('the block list is up to date again');
    this.#why = undefined;
    this.#failures = 0;
    return waitMs;
  }

  /** @param isElsewhere the server that asked to wait is not the one that is called next */
  #onFailure({ why, waitMs = 0 }: { why: string; waitMs?: number }, isElsewhere: boolean): number {
    this.#failures += 1;
    if (this.#why !== why) this.#options.log.warn('the block list cannot be had now', { why });
    this.#why = why;
    return Math.max(isElsewhere ? 0 : waitMs, (this.#options.retryMs ?? backOffMs)(this.#failures));
  }

  async #sleep(ms: number): Promise<void> {
    if (ms <= 0 || this.#isStopped) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms).unref();
      this.#wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #round(base: string): Promise<Round> {
    const { http, speaker, waitSeconds = WAIT_SECONDS, graceMs = GRACE_MS } = this.#options;
    const url = `${base}/v1/blocklist`;
    const startMs = performance.now();
    // The first answer tells the time, which batches wait for: it is not to be held.
    const isToHold = speaker.clock.isLearned();
    const result = await http.call({
      url: `${url}?${this.#query()}`,
      headers: {
        authorization: `Bearer ${await requestToken('GET', url, speaker)}`,
        accept: 'application/jwt, application/json',
        prefer: `wait=${isToHold ? waitSeconds : 0}`,
      },
      limitMs: waitSeconds * 1000 + graceMs,
      maxBytes: MAX_REPLY_BYTES,
    });
    if (!result.ok) return { ok: false, why: result.reason, isAboutWay: true };
    const { reply } = result;
    const tookMs = isToHold ? performance.now() - startMs : HELD_MS;
    return reply.status === 200 ? this.#take(reply, tookMs) : this.#refused(reply);
  }

  #query(): URLSearchParams {
    const { epoch, version } = this.#state;
    if (this.#isWholeAsked || epoch === undefined) return new URLSearchParams({ since: '0' });
    return new URLSearchParams({ since: String(version), epoch });
  }

  #refused({ status, headers, body }: HttpReply): Round {
    const { clock } = this.#options.speaker;
    if (status === 401) clock.hint(headers.date);
    if (isDenial(status, body)) this.#options.onDenied?.();
    const waitMs = retryAfterMs(headers['retry-after'], clock.nowMs());
    const why = `HTTP ${status} ${body.slice(0, 200)}`.trim();
    // 401 and 403 are the collector's word about this host, 426 about its agent, 429 about haste.
    const isAboutWay = ![401, 403, 426, 429].includes(status);
    return { ok: false, why, isAboutWay, ...(waitMs === undefined ? {} : { waitMs }) };
  }

  async #take({ body, headers }: HttpReply, tookMs: number): Promise<Round> {
    const { clock } = this.#options.speaker;
    const read = await this.#read(body);
    if ('code' in read) return this.#disbelieve(read);
    const { claims } = read;
    const update = await updateList(this.#state, claims);
    if (update.do === 'refuse') return this.#disbelieve(update);
    if (update.do === 'ask-whole') return this.#askWhole(update.why);
    const knownOffsetMs = clock.offsetMs();
    clock.learn(claims.iat);
    this.#tellClock(knownOffsetMs);
    this.#isWholeAsked = false;
    this.#options.onContact();
    // Ends are put in force in the host's clock: when that turns out to be wrong, they are put anew.
    const isToApply = update.isNews || claims.full || clock.offsetMs() !== knownOffsetMs;
    if (isToApply) this.#options.onList(update.state);
    this.#state = update.state;
    const askedMs = retryAfterMs(headers['retry-after'], clock.nowMs());
    return { ok: true, waitMs: this.#nextWaitMs(update.isNews, tookMs, askedMs) };
  }

  /** A wrong clock harms nothing here, but whoever reads the host's logs should know. */
  #tellClock(knownOffsetMs: number): void {
    const { log, speaker } = this.#options;
    const offsetMs = speaker.clock.offsetMs();
    if (Math.abs(offsetMs - knownOffsetMs) <= NOISE_MS) return;
    if (offsetMs === 0) log.info('the clock of this host agrees with the collector again');
    else {
      const seconds = Math.round(Math.abs(offsetMs) / 1000);
      const side = offsetMs > 0 ? 'behind' : 'ahead of';
      log.warn(`the clock of this host is ${side} the collector; what it tells is set right`, { seconds });
    }
  }

  /** Counted and told; on another URL the collector may answer itself. */
  #disbelieve({ code, why }: Disbelief): Round {
    this.#refusedLists[code] = (this.#refusedLists[code] ?? 0) + 1;
    this.#options.onRefused?.();
    return { ok: false, why: `the list is not believed: ${why}`, isAboutWay: true };
  }

  /** The signed claims, or why they are not for this host and this time. */
  async #read(jws: string): Promise<Disbelief | { claims: BlockListClaims }> {
    const { enrolment, clock } = this.#options.speaker;
    this.#key ??= await verifyingKey(enrolment.collectorKey);
    const signed = await readSignedReply(jws, {
      key: this.#key,
      typ: BLOCK_LIST_TYP,
      schema: blockListClaimsSchema,
      long: { field: 'add', member: blockEntrySchema, most: MAX_BLOCK_LIST_ENTRIES },
    });
    if (!signed.ok) return { code: signed.isSigned ? 'malformed' : 'signature', why: signed.reason };
    const { claims } = signed;
    if (claims.iss !== collectorUrn(enrolment.collectorId))
      return { code: 'other collector', why: 'it is of another collector' };
    if (claims.aud !== networkUrn(enrolment.networkId))
      return { code: 'other network', why: 'it is of another network' };
    // A host that does not know the time yet learns it from this reply; an old one then fails by its version.
    if (clock.isLearned() && claims.exp * 1000 <= clock.nowMs())
      return { code: 'expired', why: 'it has expired' };
    return { claims };
  }

  /** Once at once; when the whole list does not fit either, the old one stays and a person is told. */
  #askWhole(why: string): Round {
    if (this.#isWholeAsked)
      return this.#disbelieve({ code: 'digest', why: `even the whole list does not fit: ${why}` });
    this.#isWholeAsked = true;
    this.#options.log.info('the whole block list is asked for', { why });
    return { ok: true, waitMs: 0 };
  }

  #nextWaitMs(isNews: boolean, tookMs: number, askedMs: number | undefined): number {
    this.#quickAnswers = isNews || tookMs >= HELD_MS ? 0 : this.#quickAnswers + 1;
    if (askedMs !== undefined) return askedMs;
    if (this.#quickAnswers === 0) return 0;
    return Math.min(LONGEST_POLL_MS, (this.#options.retryMs ?? backOffMs)(this.#quickAnswers));
  }
}

/** Whether the collector says that the key, or the host that has it, is none that it takes. */
function isDenial(status: number, body: string): boolean {
  const err =
    status === 401 || status === 403 ? pushErrorSchema.safeParse(parseJson(body)).data?.err : undefined;
  return err === 'invalid_key' || err === 'access_denied';
}
