/** Batches whose failures are remembered at once; beyond it all are tried anew. */
const MAX_TROUBLES = 10_000;

/** The failures of one batch. */
export interface Trouble {
  failures: number;
  /** How many batches had been accepted when this one failed first. */
  readonly acceptedBefore: number;
  /** How many when it failed last. */
  acceptedLast: number;
  /** When it may be tried again, on the monotonic clock. */
  notBeforeMs: number;
}

/** What is known of batches that failed by themselves while others may have been taken. Forgotten at a restart. */
export class Troubles {
  readonly #retryMs: (failures: number) => number;
  readonly #known = new Map<string, Trouble>();

  /** @param retryMs wait after so many failures in a row */
  constructor(retryMs: (failures: number) => number) {
    this.#retryMs = retryMs;
  }

  isFree(jti: string, nowMs: number): boolean {
    return (this.#known.get(jti)?.notBeforeMs ?? 0) <= nowMs;
  }

  failuresOf(jti: string): number {
    return this.#known.get(jti)?.failures ?? 0;
  }

  /** When each of them may be tried again. */
  waits(): number[] {
    return [...this.#known.values()].map(({ notBeforeMs }) => notBeforeMs);
  }

  /**
   * Notes one more failure.
   *
   * @param isMaybeAll all may have failed, not this batch: what fails again while none was accepted in between counts once
   */
  note(jti: string, accepted: number, isMaybeAll = false): Readonly<Trouble> {
    const trouble = this.#known.get(jti) ?? {
      ...{ failures: 0, acceptedBefore: accepted, acceptedLast: accepted, notBeforeMs: 0 },
    };
    if (!isMaybeAll || trouble.failures === 0 || accepted > trouble.acceptedLast) trouble.failures += 1;
    trouble.acceptedLast = accepted;
    trouble.notBeforeMs = performance.now() + this.#retryMs(trouble.failures);
    if (this.#known.size >= MAX_TROUBLES) this.#known.clear();
    this.#known.set(jti, trouble);
    return trouble;
  }

  forget(jti: string): void {
    this.#known.delete(jti);
  }
}
