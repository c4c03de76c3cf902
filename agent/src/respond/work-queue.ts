/** Work that is done a few pieces at a time. */
export interface WorkQueue {
  /**
   * Takes a piece of work; resolves when it is done.
   *
   * @param work never rejects
   * @param mustRun takes it also where there is no room
   * @returns undefined when there is no room for it
   */
  add(work: () => Promise<void>, mustRun?: boolean): Promise<void> | undefined;
  /** Leaves out what has not begun, tells how many pieces those were, and waits for the rest. */
  close(): Promise<number>;
}

/** How much a queue does and holds. */
export interface QueueLimits {
  readonly atOnce: number;
  readonly waiting: number;
}

/** A queue with room for so many pieces. */
export function createWorkQueue({ atOnce, waiting }: QueueLimits): WorkQueue {
  const line: { work: () => Promise<void>; done: () => void }[] = [];
  const running = new Set<Promise<void>>();
  const next = (): void => {
    const piece = running.size < atOnce ? line.shift() : undefined;
    if (piece === undefined) return;
    const run = piece.work().finally(() => {
      running.delete(run);
      piece.done();
      next();
    });
    running.add(run);
  };
  return {
    add(work, mustRun = false) {
      if (!mustRun && running.size >= atOnce && line.length >= waiting) return undefined;
      return new Promise((done) => {
        line.push({ work, done });
        next();
      });
    },
    async close() {
      const left = line.splice(0);
      for (const { done } of left) done();
      await Promise.all(running);
      return left.length;
    },
  };
}
