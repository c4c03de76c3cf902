/**
 * Does work on a long list in slices of `size`, with other work of the agent between them: a packet that comes in
 * waits for one slice, not for the whole list.
 */
export async function inSlices<T>(
  list: readonly T[],
  size: number,
  work: (slice: readonly T[]) => void,
): Promise<void> {
  for (let from = 0; from < list.length; from += size) {
    if (from > 0) await new Promise((resolve) => setImmediate(resolve));
    work(list.slice(from, from + size));
  }
}
