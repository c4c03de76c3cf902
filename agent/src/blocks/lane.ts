import { type OneByOne, oneByOne } from '../run/one-by-one.ts';

/** Work of one kind, one piece after the other; what is asked for while a piece runs is done together afterwards. */
export interface Lane {
  /** Resolves when all that changed before this call is carried out; rejects when that failed. */
  settle(): Promise<void>;
  /** The same for a change that nobody waits for: a failure is told and tried again. */
  change(): void;
  /** Another call that must not run beside the work. */
  readonly inTurn: OneByOne;
}

/** Longest pause before work that failed is tried again, ms. */
const RETRY_MS = 2_000;

/**
 * A lane for some work.
 *
 * @param work carries out all that is wanted at the time it is called
 * @param onFailure told of each failure that nobody waits for
 */
export function createLane(work: () => Promise<void>, onFailure: (error: unknown) => void): Lane {
  const inTurn = oneByOne();
  let next: Promise<void> | undefined;
  let retry: NodeJS.Timeout | undefined;
  /** At most one piece waits: it takes all that changed until its turn comes. */
  const settle = (): Promise<void> => {
    next ??= inTurn(() => {
      next = undefined;
      return work();
    });
    return next;
  };
  const change = (): void => {
    settle().catch((error) => {
      onFailure(error);
      clearTimeout(retry);
      retry = setTimeout(change, RETRY_MS).unref();
    });
  };
  return { settle, change, inTurn };
}
