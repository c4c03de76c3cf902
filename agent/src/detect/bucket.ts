/** A token bucket as the kernel keeps one per source (nft_limit): what is left, and when it was looked at. */
export interface Bucket {
  readonly tokens: number;
  readonly atMs: number;
}

/**
 * When a source trips: so many distinct unused ports, spent evidence coming back over `window` ms. The three numbers
 * are argued in policy.ts.
 */
export interface Threshold {
  /** Of an ordinary source. */
  readonly ports: number;
  /** Of a source that this host knows as a client. */
  readonly client_ports: number;
  /** By weak evidence alone; weak evidence of a source that gave ordinary evidence too counts as ordinary. */
  readonly weak_ports: number;
  readonly window: number;
}

/**
 * Takes one token for one distinct port. A bucket holds `ports` - 1 tokens and refills in one window, so the port
 * number `ports` is the first that finds it empty.
 *
 * @returns the bucket afterwards, and whether the source is over the threshold
 */
export function take(
  bucket: Bucket | undefined,
  atMs: number,
  { ports, window }: { readonly ports: number; readonly window: number },
): { bucket: Bucket; isOver: boolean } {
  const size = ports - 1;
  const refill = bucket === undefined ? size : (Math.max(0, atMs - bucket.atMs) * size) / window;
  const tokens = Math.min(size, (bucket?.tokens ?? 0) + refill);
  const isOver = tokens < 1;
  return { bucket: { tokens: isOver ? tokens : tokens - 1, atMs }, isOver };
}

/**
 * How a bucket stands at a time: whole tokens left, and when the next one is back, ms; undefined when it is full. A source
 * that has none left trips with its next distinct port.
 */
export function level(
  bucket: Bucket | undefined,
  atMs: number,
  { ports, window }: { readonly ports: number; readonly window: number },
): { left: number; nextAtMs: number | undefined } {
  const size = ports - 1;
  if (bucket === undefined) return { left: size, nextAtMs: undefined };
  const tokens = Math.min(size, bucket.tokens + (Math.max(0, atMs - bucket.atMs) * size) / window);
  if (tokens >= size) return { left: size, nextAtMs: undefined };
  const left = Math.floor(tokens);
  return { left, nextAtMs: Math.ceil(atMs + ((left + 1 - tokens) * window) / size) };
}
