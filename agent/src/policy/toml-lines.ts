/** Path of a value in a TOML document: names of keys, and numbers of elements of arrays. */
type Path = readonly (string | number)[];

const GAP = /(?:[ \t\r\n]|#[^\n]*)*/y;
const KEY_PART = /[ \t]*(?:"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[A-Za-z0-9_-]+)[ \t]*/y;
/** A value without parts. A date and its time may have a space between (TOML 1.0, "Offset Date-Time"). */
const SCALAR =
  /"""(?:\\[\s\S]|(?!""")[\s\S])*"{3,5}|'''(?:(?!''')[\s\S])*'{3,5}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^,\]}\s#]+(?: \d\d:[^,\]}\s#]+)?/y;

/**
 * The line, from 1, on which a value of a TOML document is written; where it is not written itself, that of what holds
 * it. Undefined when nothing of it is written.
 *
 * @param text a document that was parsed already: of any other the answer may be wrong, but there is one
 */
export function lineOf(text: string, path: Path): number | undefined {
  const offsets = new Locator(text).locate();
  for (let length = path.length; length > 0; length--) {
    const offset = offsets.get(keyOf(path.slice(0, length)));
    if (offset !== undefined) return text.slice(0, offset).split('\n').length;
  }
  return undefined;
}

function keyOf(path: Path): string {
  return JSON.stringify(path.map(String));
}

/** Reads a document only as far as it takes to know where each value stands. */
class Locator {
  readonly #text: string;
  readonly #offsets = new Map<string, number>();
  /** Elements so far of each array of tables. */
  readonly #counts = new Map<string, number>();
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  locate(): ReadonlyMap<string, number> {
    let table: Path = [];
    for (this.#take(GAP); this.#at < this.#text.length; this.#take(GAP)) {
      const start = this.#at;
      if (this.#take(/\[/y) !== '') table = this.#header(start);
      else this.#pair(table);
      // A document that is no TOML must not hold anybody up.
      if (this.#at === start) this.#at += 1;
    }
    return this.#offsets;
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += found.length;
    return found;
  }

  #note(path: Path, offset = this.#at): void {
    if (!this.#offsets.has(keyOf(path))) this.#offsets.set(keyOf(path), offset);
  }

  /** `[a.b]` or `[[a.b]]`; a part that names an array of tables means its latest element. */
  #header(start: number): Path {
    const isElement = this.#take(/\[/y) !== '';
    const parts = this.#key();
    this.#take(/\]{1,2}/y);
    const last = parts.at(-1) ?? '';
    const outer: (string | number)[] = [];
    for (const part of isElement ? parts.slice(0, -1) : parts) {
      outer.push(part);
      const count = this.#counts.get(keyOf(outer));
      if (count !== undefined) outer.push(count - 1);
    }
    if (!isElement) {
      this.#note(outer, start);
      return outer;
    }
    const array = [...outer, last];
    const count = this.#counts.get(keyOf(array)) ?? 0;
    this.#counts.set(keyOf(array), count + 1);
    this.#note(array, start);
    this.#note([...array, count], start);
    return [...array, count];
  }

  #key(): string[] {
    const parts: string[] = [];
    do parts.push(unquoted(this.#take(KEY_PART).trim()));
    while (this.#take(/\./y) !== '');
    return parts;
  }

  #pair(table: Path): void {
    const start = this.#at;
    const parts = this.#key();
    for (const length of parts.keys()) this.#note([...table, ...parts.slice(0, length + 1)], start);
    this.#take(/=[ \t]*/y);
    this.#value([...table, ...parts]);
  }

  #value(path: Path): void {
    if (this.#take(/\[/y) !== '') this.#list(']', (index) => this.#element([...path, index]));
    else if (this.#take(/\{/y) !== '') this.#list('}', () => this.#pair(path));
    else this.#take(SCALAR);
  }

  #element(path: Path): void {
    this.#note(path);
    this.#value(path);
  }

  #list(end: ']' | '}', item: (index: number) => void): void {
    for (let index = 0; this.#at < this.#text.length; index++) {
      this.#take(GAP);
      if (this.#take(end === ']' ? /\]/y : /\}/y) !== '') return;
      const start = this.#at;
      item(index);
      this.#take(GAP);
      this.#take(/,/y);
      if (this.#at === start) this.#at += 1;
    }
  }
}

function unquoted(part: string): string {
  if (part.startsWith("'")) return part.slice(1, -1);
  if (!part.startsWith('"')) return part;
  try {
    return JSON.parse(part) as string;
  } catch {
    return part.slice(1, -1);
  }
}
