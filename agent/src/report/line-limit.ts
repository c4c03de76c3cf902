/** How many lines may be written, in a burst and in the long run. */
export interface LineBudget {
  readonly burst: number;
  /** Lines a second that come back. */
  readonly perSecond: number;
}

/** One source: its first 20 probes tell what it is after; from then on one line in ten seconds. */
export const SOURCE_BUDGET: LineBudget = { burst: 20, perSecond: 0.1 };

/** All sources together, which can be forged: 5 lines a second are 50 MB of log a day, which rotation bears. */
export const TOTAL_BUDGET: LineBudget = { burst: 500, perSecond: 5 };

/** Most sources remembered, about 2 MB; beyond it the one that was quiet longest is forgotten. */
const MAX_SOURCES = 10_000;

interface Bucket {
  tokens: number;
  atMs: number;
  /** Lines left out since the last account. */
  leftOut: number;
}

/** What was left out since the last account. */
export interface LeftOut {
  /** Sources with the most lines left out, most first. */
  readonly bySource: readonly (readonly [string, number])[];
  /** Lines left out of all other sources. */
  readonly others: number;
}

/** Keeps a scanner from filling the disk with lines: a token bucket a source and one for all. */
export class LineLimit {
  readonly #source: LineBudget;
  readonly #total: LineBudget;
  readonly #buckets = new Map<string, Bucket>();
  readonly #all: Bucket;
  #leftOutElsewhere = 0;

  constructor(source: LineBudget = SOURCE_BUDGET, total: LineBudget = TOTAL_BUDGET) {
    this.#source = source;
    this.#total = total;
    this.#all = { tokens: total.burst, atMs: 0, leftOut: 0 };
  }

  /** Whether a line about the source may be written now; what may not is counted. @param nowMs monotonic, ms */
  allows(source: string, nowMs: number): boolean {
    const bucket = this.#bucketOf(source, nowMs);
    if (hasToken(bucket, this.#source, nowMs) && hasToken(this.#all, this.#total, nowMs)) {
      bucket.tokens -= 1;
      this.#all.tokens -= 1;
      return true;
    }
    bucket.leftOut += 1;
    return false;
  }

  /** What was left out since the last call, the `most` worst sources by name. */
  account(most: number): LeftOut {
    const sources = [...this.#buckets].filter(([, bucket]) => bucket.leftOut > 0);
    const counts = sources.map(([source, { leftOut }]) => [source, leftOut] as const);
    counts.sort((a, b) => b[1] - a[1]);
    for (const [, bucket] of sources) bucket.leftOut = 0;
    const others = counts.slice(most).reduce((sum, [, count]) => sum + count, this.#leftOutElsewhere);
    this.#leftOutElsewhere = 0;
    return { bySource: counts.slice(0, most), others };
  }

  /** The source's bucket, moved to the end of the map: so the first one is the one that was quiet longest. */
  #bucketOf(source: string, nowMs: number): Bucket {
    const known = this.#buckets.get(source);
    if (known !== undefined) this.#buckets.delete(source);
    else if (this.#buckets.size >= MAX_SOURCES) this.#forgetOldest();
    const bucket = known ?? { tokens: this.#source.burst, atMs: nowMs, leftOut: 0 };
    this.#buckets.set(source, bucket);
    return bucket;
  }

  #forgetOldest(): void {
    const [oldest] = this.#buckets;
    if (oldest === undefined) return;
    this.#leftOutElsewhere += oldest[1].leftOut;
    this.#buckets.delete(oldest[0]);
  }
}

function hasToken(bucket: Bucket, { burst, perSecond }: LineBudget, nowMs: number): boolean {
  const gained = (Math.max(0, nowMs - bucket.atMs) / 1000) * perSecond;
  bucket.tokens = Math.min(burst, bucket.tokens + gained);
  bucket.atMs = Math.max(bucket.atMs, nowMs);
  return bucket.tokens >= 1;
}
