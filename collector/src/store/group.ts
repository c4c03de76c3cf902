/** How much a {@link Group} may take on. */
export interface GroupLimits<Item> {
  /** Most items done together. */
  readonly most: number;
  /** Most that wait; one more is refused at once. */
  readonly waiting: number;
  /** How long an item waits for its result, ms, before it is refused; it is not begun after that. Default for ever. */
  readonly deadlineMs?: number;
  /** How much of a group an item is, of {@link GroupLimits.heaviest}. */
  readonly weight?: (item: Item) => number;
  readonly heaviest?: number;
  /** How large an item is; of those not yet done together at most {@link GroupLimits.largest}, or one. */
  readonly size?: (item: Item) => number;
  readonly largest?: number;
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
  /** From then on nobody waits for it, on the clock of `performance.now`. */
  readonly untilMs: number;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/** How a group does its items. */
export interface GroupWork<Item, Result> {
  /**
   * Does many items at once, results in their order; when it throws, none was done.
   *
   * @param isAgain whether they are part of a group that has failed
   */
  together(items: readonly Item[], isAgain: boolean): Promise<readonly Result[]>;
  /**
   * By what items are told apart that are tried again after they failed together; undefined when all fail, for the fault
   * is no single item's. All fail as well where all are the same.
   */
  divide(error: unknown): Divide<Item> | undefined;
}

/** Items that give the same are tried together. */
export type Divide<Item> = (item: Item, index: number) => unknown;

/** Each item by itself, so that one that cannot be done harms no other. */
export const oneByOne: Divide<unknown> = (_, index) => index;

/** Gathers items while others are done. */
export function createGroup<Item, Result>(
  { together, divide }: GroupWork<Item, Result>,
  limits: GroupLimits<Item>,
): Group<Item, Result> {
  const { most, waiting, deadlineMs = 2 ** 31 - 1 } = limits;
  const { weight, heaviest = Number.POSITIVE_INFINITY, size, largest = Number.POSITIVE_INFINITY } = limits;
  const queue: Waiting<Item, Result>[] = [];
  let [isBusy, sizeSum] = [false, 0];
  const grow = (of: readonly Waiting<Item, Result>[], by: 1 | -1): void => {
    for (const { item } of of) sizeSum += by * (size?.(item) ?? 0);
  };
  const dropLate = (): void => {
    // All wait equally long: the late ones are the first.
    const first = queue.findIndex(({ untilMs }) => untilMs > performance.now());
    const dropped = queue.splice(0, first < 0 ? queue.length : first);
    for (const { reject } of dropped) reject(tooLate());
    grow(dropped, -1);
  };
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
  const settle = async (group: readonly Waiting<Item, Result>[], isAgain: boolean): Promise<void> => {
    try {
      const results = await together(
        group.map(({ item }) => item),
        isAgain,
      );
      for (const [index, { resolve }] of group.entries()) resolve(results[index] as Result);
    } catch (error) {
      const parts = divided(group, divide(error));
      if (parts.length < 2) for (const { reject } of group) reject(error);
      else for (const part of parts) await settleLeft(part);
    }
  };
  const settleLeft = async (part: readonly Waiting<Item, Result>[]): Promise<void> => {
    const left = part.filter(({ untilMs }) => untilMs > performance.now());
    for (const one of part) if (!left.includes(one)) one.reject(tooLate());
    if (left.length > 0) await settle(left, true);
  };
  const run = async (): Promise<void> => {
    if (isBusy) return;
    isBusy = true;
    // Requests that are read in the same turn of the event loop belong to the same group.
    await new Promise(setImmediate);
    for (dropLate(); queue.length > 0; dropLate()) {
      const group = take();
      await settle(group, false);
      grow(group, -1);
    }
    isBusy = false;
  };
  const wait = (item: Item) =>
    new Promise<Result>((resolve, reject) => {
      dropLate();
      const isFull = queue.length >= waiting || (sizeSum > 0 && sizeSum + (size?.(item) ?? 0) > largest);
      if (isFull) return reject(new Overloaded('too many wait for the database'));
      const one = { item, untilMs: performance.now() + deadlineMs, resolve, reject };
      queue.push(one);
      grow([one], 1);
      void run();
    });
  return { add: (item) => within(deadlineMs, wait(item)) };
}

function divided<One extends { readonly item: Item }, Item>(
  group: readonly One[],
  divide: Divide<Item> | undefined,
): One[][] {
  const parts = new Map<unknown, One[]>();
  for (const [index, one] of group.entries()) {
    const key = divide?.(one.item, index);
    parts.set(key, [...(parts.get(key) ?? []), one]);
  }
  return [...parts.values()];
}

const tooLate = () => new Overloaded('the database does not answer in time');

/**
 * How long a request waits for the database, ms, before its host is asked to come again: as agents give up themselves. A
 * batch that is stored all the same is a repeated one then.
 */
export const DEADLINE_MS = 10_000;

/** What a promise says, or {@link Overloaded} when it says nothing for so long: a server that hangs must not hang others. */
export async function within<T>(limitMs: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(tooLate()), limitMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
