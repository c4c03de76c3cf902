/** A status line of an answer (RFC 9112 section 4). */
const STATUS = /HTTP\/1\.1 (\d{3})/g;

/** Longest part of a status line that a chunk may end in the middle of, characters. */
const TAIL = 'HTTP/1.1 200'.length - 1;

/** Counts answers by status in what comes over one connection, in chunks of any size. */
export class StatusCounter {
  readonly #counts: Map<number, number>;
  #tail = '';

  /** @param counts is added to; connections may share one */
  constructor(counts: Map<number, number>) {
    this.#counts = counts;
  }

  /** @returns answers that began in this chunk */
  add(chunk: string): number {
    const text = this.#tail + chunk;
    let found = 0;
    let end = 0;
    for (const match of text.matchAll(STATUS)) {
      const status = Number(match[1]);
      this.#counts.set(status, (this.#counts.get(status) ?? 0) + 1);
      found += 1;
      end = match.index + match[0].length;
    }
    this.#tail = text.slice(Math.max(end, text.length - TAIL));
    return found;
  }
}
