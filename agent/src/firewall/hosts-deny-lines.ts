import { type Cidr, firstAddress, parseSource, prefixLength, type Source } from '@picket/protocol';

/** A source that the file of TCP wrappers refuses. */
export interface Denied {
  readonly source: Source;
  /** Unix ms; the agent ends the line, since TCP wrappers know no end. */
  readonly untilMs: number;
  readonly origin: 'local' | 'network';
}

/** How lines are written. */
export interface Style {
  /** The services that lines are for, as hosts_access(5) has them. */
  readonly daemons: string;
  /** Whether lines need an option of hosts_options(5) to refuse, as in hosts.allow. */
  readonly needsDeny: boolean;
}

/** A pattern of our making, alone on its line. */
const PATTERN = /^(?:\[[\da-f:]+\]\/\d{1,3}|[\d.]+(?:\/[\d.]+)?)$/;

/**
 * A file of patterns alone, which a rule of the administrator's own names (hosts_access(5), "begins with a `/'"). It is
 * all ours: such files know no comments.
 *
 * @returns undefined when something else stands in `text`, so that no file of others is overwritten
 */
export function rewritePatterns(text: string, denied: readonly Denied[]): string | undefined {
  const isOurs = text.split('\n').every((line) => line === '' || PATTERN.test(line));
  return isOurs ? denied.map(({ source }) => `${patternOf(source)}\n`).join('') : undefined;
}

/** A file as others wrote it, and what of it is ours. */
export interface Parts {
  /** All bytes that are not ours, in their order. */
  readonly foreign: string;
  /** Where in `foreign` our lines stand. */
  readonly at: number;
  readonly ours: readonly Denied[];
  /** Whether there was no file before us. */
  readonly isMade: boolean;
}

/**
 * Comments are whole lines only: after a rule `# …` would be names of hosts. So the line above each rule marks it, and a
 * rule without its marker belongs to somebody else.
 */
const MARKER = /^# picket (local|network) until (\S{1,40})\r?\n?$/;

/** The first line of a file that was not there before. */
const MADE = '# picket made this file\n';

/** A rule of our making, also by a policy that named other daemons, or with an option that was added by hand. */
const RULE = /^[\w.@, -]{1,200}: (\[[\da-f:]+\]\/\d{1,3}|[\d.]+(?:\/[\d.]+)?)(?: : deny)?\r?\n?$/i;

/** Takes the text of a file apart; a character is a byte (latin1). */
export function takeApart(text: string): Parts {
  const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const ours: Denied[] = [];
  let [foreign, isMade] = ['', false];
  let at: number | undefined;
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? '';
    const [, origin, until = ''] = MARKER.exec(line) ?? [];
    if (line.replace('\r', '') === MADE) isMade = true;
    else if (origin === undefined) foreign += line;
    else {
      at ??= foreign.length;
      const rule = RULE.exec(lines[i + 1] ?? '');
      // A marker whose rule somebody took away is ours all the same, and goes.
      if (rule === null) continue;
      i++;
      const source = sourceOf(rule[1] ?? '');
      const untilMs = Date.parse(until);
      if (source !== undefined && !Number.isNaN(untilMs))
        ours.push({ source, untilMs, origin: origin === 'local' ? 'local' : 'network' });
    }
  }
  return { foreign, at: safePlace(foreign, at ?? 0), ours, isMade };
}

/**
 * The file with our lines as wanted: all else stays byte for byte. They stand where they stood, else at the top: there
 * they need no newline that a last line may lack, and the first rule that matches wins.
 *
 * @param text undefined where there is no file
 * @returns undefined for no file
 */
export function rewrite(
  text: string | undefined,
  denied: readonly Denied[],
  style: Style,
): string | undefined {
  const { foreign, at, isMade } = takeApart(text ?? '');
  const isOurs = text === undefined || (isMade && foreign === '');
  if (denied.length === 0) return isOurs ? undefined : foreign;
  const lines = denied.map((one) => `${markerOf(one)}\n${ruleOf(one.source, style)}\n`).join('');
  return `${text === undefined || isMade ? MADE : ''}${foreign.slice(0, at)}${lines}${foreign.slice(at)}`;
}

/** A backslash joins the next line (hosts_access(5)), which would make our marker part of somebody's rule. */
function safePlace(foreign: string, at: number): number {
  return foreign.slice(0, at).endsWith('\\\n') ? 0 : at;
}

function markerOf({ origin, untilMs }: Denied): string {
  return `# picket ${origin} until ${new Date(untilMs).toISOString()}`;
}

function ruleOf(source: Source, { daemons, needsDeny }: Style): string {
  return `${daemons}: ${patternOf(source)}${needsDeny ? ' : deny' : ''}`;
}

/**
 * A source in the forms that every system knows: `n.n.n.n/mm` is young, and 255.255.255.255 is no mask (hosts_access(5)
 * of Debian's 7.6.q).
 */
function patternOf(source: Source): string {
  const [address, length] = [firstAddress(source), prefixLength(source)];
  if (address.includes(':')) return `[${address}]/${length}`;
  return length === 32 ? address : `${address}/${maskOf(length)}`;
}

function maskOf(length: number): string {
  const bits = length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0;
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join('.');
}

/** The source of a pattern as we write it; undefined for any other text. */
export function sourceOf(pattern: string): Source | undefined {
  const [address = '', length] = pattern.replace(/[[\]]/g, '').split('/');
  return parseSource(length === undefined ? address : (cidrText(address, length) ?? ''));
}

function cidrText(address: string, length: string): Cidr | undefined {
  if (!length.includes('.')) return `${address}/${length}`;
  const bits = Array.from({ length: 33 }, (_, n) => n).find((n) => maskOf(n) === length);
  return bits === undefined ? undefined : `${address}/${bits}`;
}
