/** How much a {@link Group} may take on. */
export interface GroupLimits<Item> {
  /** Most items done together. */
  readonly most: number;
  /** Most that wait; one more is refused at once. */
  readonly waiting: number;
  /** How much of a group an item is, of {@link GroupLimits.heaviest}. */
  readonly weight?: (item: Item) => number;
  readonly heaviest?: number;
}

/** More wait than may: the database does not keep up. It passes by itself. */
export class Overloaded extends Error {
  /** Of PostgreSQL's class 53, "insufficient resources": handled as those are. */
  readonly code = '53400';
}

/** Does items together: while one group is under way the next one gathers. Under no load an item waits for nothing. */
export interface Group<Item, Result> {
  /** Resolves with the item's own result. Rejects when it failed, or with {@link Overloaded}. */
  add(item: Item): Promise<Result>;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/**
 * @param together does many items at once, results in their order; when it throws, none was done
 * @param isOfAll whether such an error is no single item's fault: then all fail at once. After any other error the items
 *   are done one by one, so that one that cannot be done harms no other
 */
export function createGroup<Item, Result>(
  together: (items: readonly Item[]) => Promise<readonly Result[]>,
  { most, waiting, weight, heaviest = Number.POSITIVE_INFINITY }: GroupLimits<Item>,
  isOfAll: (error: unknown) => boolean,
): Group<Item, Result> {
  const queue: Waiting<Item, Result>[] = [];
  let isBusy = false;
  const take = (): Waiting<Item, Result>[] => {
    let [count, sum] = [0, 0];
    while (count < Math.min(most, queue.length)) {
      const next = queue[count];
      sum += next === undefined ? 0 : (weight?.(next.item) ?? 1);
      if (count > 0 && sum > heaviest) break;
      count++;
    }
    return queue.splice(0, count);
  };
  const settle = async (group: readonly Waiting<Item, Result>[]): Promise<void> => {
    try {
      const results = await together(group.map(({ item }) => item));
      for (const [index, { resolve }] of group.entries()) resolve(results[index] as Result);
    } catch (error) {
      if (group.length === 1 || isOfAll(error)) for (const { reject } of group) reject(error);
      else for (const one of group) await settle([one]);
    }
  };
  const run = async (): Promise<void> => {
    if (isBusy) return;
    isBusy = true;
    // Requests that are read in the same turn of the event loop belong to the same group.
    await new Promise(setImmediate);
    while (queue.length > 0) await settle(take());
    isBusy = false;
  };
  return {
    add: (item) =>
      new Promise((resolve, reject) => {
        if (queue.length >= waiting) return reject(new Overloaded('too many wait for the database'));
        queue.push({ item, resolve, reject });
        void run();
      }),
  };
}

/**
 * How long a request waits for the database, ms, before its host is asked to come again: as agents give up themselves. A
 * batch that is stored all the same is a repeated one then.
 */
export const DEADLINE_MS = 10_000;

/** What a promise says, or {@link Overloaded} when it says nothing for so long: a server that hangs must not hang others. */
export async function within<T>(limitMs: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Overloaded('the database does not answer in time')), limitMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
