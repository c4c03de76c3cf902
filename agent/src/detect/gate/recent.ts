import { createAged } from '../aged.ts';

/** Keys that are remembered until a time. */
export interface Recent {
  /** Remembers a key; whatever was remembered of it before is replaced. */
  note(key: string, atMs: number, untilMs: number): void;
  /** Until when a key is remembered, or undefined when it is not at that time. */
  until(key: string, atMs: number): number | undefined;
  /** Keys forgotten before their time, for want of room. */
  readonly forgotten: number;
}

/** An empty memory of at most so many keys; the one noted longest ago goes first. */
export function createRecent(most: number): Recent {
  const keys = createAged<number>();
  let forgotten = 0;
  const makeRoom = (atMs: number): void => {
    const oldest = keys.size > most ? keys.oldest() : undefined;
    if (oldest === undefined) return;
    keys.delete(oldest[0]);
    if (oldest[1] > atMs) forgotten++;
  };
  return {
    note(key, atMs, untilMs) {
      keys.set(key, untilMs);
      makeRoom(atMs);
    },
    until(key, atMs) {
      const untilMs = keys.get(key);
      return untilMs !== undefined && untilMs > atMs ? untilMs : undefined;
    },
    get forgotten() {
      return forgotten;
    },
  };
}
