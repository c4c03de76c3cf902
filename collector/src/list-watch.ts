/** How long to wait, and for whom. */
export interface WaitLimit {
  /** Longest wait, ms. */
  readonly ms: number;
  /** Aborted when the host has gone. */
  readonly signal: AbortSignal;
}

/**
 * Wakes requests that wait for a newer block list of their network. It counts generations, not versions: what has
 * changed is always read from the database, so a lost, doubled or late word costs a read, never a change. The use:
 * take the generation, read, and when that brought nothing wait until the generation is another.
 */
export class ListWatch {
  readonly #generations = new Map<string, number>();
  readonly #waiters = new Map<string, Set<() => void>>();
  /** Added to every network's generation: moved when word may have been lost. */
  #all = 0;
  #isStopped = false;

  /** A number that is another whenever the network's list may have changed. */
  generation(networkId: string): number {
    return (this.#generations.get(networkId) ?? 0) + this.#all;
  }

  /** The list of this network may have changed. */
  announce(networkId: string): void {
    this.#generations.set(networkId, (this.#generations.get(networkId) ?? 0) + 1);
    this.#wake(networkId);
  }

  /** Any list may have changed: word of it may have been lost. */
  announceAll(): void {
    this.#all += 1;
    for (const networkId of [...this.#waiters.keys()]) this.#wake(networkId);
  }

  /** Networks that somebody waits for. */
  waitedFor(): string[] {
    return [...this.#waiters.keys()];
  }

  /** How many wait. */
  get waiting(): number {
    let count = 0;
    for (const waiters of this.#waiters.values()) count += waiters.size;
    return count;
  }

  /** Resolves when the generation is another than the one seen, at the limit, or when the watch stops. */
  async changed(networkId: string, seen: number, { ms, signal }: WaitLimit): Promise<void> {
    if (this.#isStopped || signal.aborted || ms <= 0 || this.generation(networkId) !== seen) return;
    const waiters = this.#waiters.get(networkId) ?? new Set();
    this.#waiters.set(networkId, waiters);
    await new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        waiters.delete(end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal.addEventListener('abort', end);
      waiters.add(end);
    });
    if (waiters.size === 0 && this.#waiters.get(networkId) === waiters) this.#waiters.delete(networkId);
  }

  /** From now on nobody waits: those who do are answered at once. */
  stop(): void {
    this.#isStopped = true;
    this.announceAll();
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  #wake(networkId: string): void {
    for (const end of [...(this.#waiters.get(networkId) ?? [])]) end();
  }
}
