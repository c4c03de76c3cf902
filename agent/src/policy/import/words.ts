import type { Origin, Remark } from './lines.ts';

/** Longest piece of a PortSentry line that is repeated, characters. */
const MOST_REPEATED = 160;

/** Half a surrogate pair: no text, and nothing that TOML can hold. */
const HALF = /\p{Cs}/gu;

/** Text as a TOML basic string (TOML 1.0, "String"): control characters and DEL must be escaped. */
export function tomlString(text: string): string {
  const escaped = text
    .replace(HALF, '\ufffd')
    .replace(/["\\]/g, '\\$&')
    .replace(/\p{Cc}/gu, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return `"${escaped}"`;
}

/** What a PortSentry file says, on one line: such a file may hold anything, and this goes to terminals and comments. */
export function oneLine(text: string): string {
  const shown = [...text.replaceAll('\t', ' ').replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '?')];
  return shown.length > MOST_REPEATED ? `${shown.slice(0, MOST_REPEATED).join('')}…` : shown.join('');
}

/** `file:line: text` of a PortSentry line. */
export function cite({ file, line, text }: Origin): string {
  return `${oneLine(file)}:${line}: ${oneLine(text)}`;
}

const HEADINGS: readonly [Remark['kind'], string][] = [
  ['unread', 'Not understood, and left out:'],
  ['different', 'Taken over, but different now:'],
  ['gone', 'Without meaning any more:'],
];

/** All remarks as lines, grouped; the same for the end of the file and for standard error. */
export function remarkLines(remarks: readonly Remark[]): string[] {
  return HEADINGS.flatMap(([kind, heading]) => {
    const found = remarks.filter((remark) => remark.kind === kind);
    const lines = found.flatMap(({ at, words }) =>
      at === undefined ? [`- ${words}`] : [`- ${cite(at)}`, `  ${words}`],
    );
    return found.length === 0 ? [] : [heading, ...lines];
  });
}
