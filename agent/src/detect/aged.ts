/** A map in the order in which its entries were set, with the oldest at hand. */
export interface Aged<V> {
  get(key: string): V | undefined;
  /** Sets an entry and makes it the youngest. */
  set(key: string, value: V): void;
  /** Whether it was there. */
  delete(key: string): boolean;
  oldest(): readonly [key: string, value: V] | undefined;
  /** All values, the youngest last. */
  values(): V[];
  readonly size: number;
}

/**
 * An empty one. A map's iterator steps over each hole that deleted entries left at its head, until the map is rehashed:
 * to ask a new one for the oldest entry again and again would cost thousands of steps each time. So one iterator is
 * kept: all before it is gone.
 */
export function createAged<V>(): Aged<V> {
  type Entry = readonly [string, V];
  const entries = new Map<string, Entry>();
  let walk = entries.values();
  let head: Entry | undefined;
  const isThere = (entry: Entry): boolean => entries.get(entry[0]) === entry;
  const next = (): Entry | undefined => {
    const step = walk.next();
    if (!step.done) return step.value;
    // A walk that came to its end stays there, whatever is set afterwards.
    walk = entries.values();
    return walk.next().value;
  };
  return {
    get: (key) => entries.get(key)?.[1],
    set(key, value) {
      entries.delete(key);
      entries.set(key, [key, value]);
    },
    delete: (key) => entries.delete(key),
    oldest() {
      if (head === undefined || !isThere(head)) head = entries.size === 0 ? undefined : next();
      return head;
    },
    values: () => Array.from(entries.values(), ([, value]) => value),
    get size() {
      return entries.size;
    },
  };
}
