/** A text file as it was read. */
export interface TextFile {
  readonly name: string;
  readonly text: string;
}

/** Where something stood. `line` counts from 1. */
export interface Origin {
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

/** A line `KEY="value"` of a PortSentry file. */
export interface Setting extends Origin {
  readonly key: string;
  readonly value: string;
}

/**
 * Something the administrator must know: what could not be read (`unread`); what was taken over but is now `different`;
 * what has no meaning any more (`gone`).
 */
export interface Remark {
  readonly kind: 'unread' | 'different' | 'gone';
  readonly at?: Origin;
  readonly words: string;
}

/** Lines of a file, but for blank ones and comments. A last line without a newline counts, and so do CR LF ends. */
export function linesOf({ name, text }: TextFile): Origin[] {
  return text
    .replace(/^\ufeff/, '')
    .split(/\r\n|\n|\r/)
    .map((line, index) => ({ file: name, line: index + 1, text: line.trim() }))
    .filter(({ text: line }) => line !== '' && !line.startsWith('#'));
}

/**
 * Settings of portsentry.conf. Values stand in double quotes; what follows the second quote was never read by
 * PortSentry. Quotes may be left out in `shell` files, as /etc/default/portsentry is one.
 */
export function settingsOf(
  file: TextFile,
  kind: 'conf' | 'shell',
): { settings: Setting[]; remarks: Remark[] } {
  const [settings, remarks]: [Setting[], Remark[]] = [[], []];
  for (const at of linesOf(file)) {
    const [, key = '', rest = ''] = /^([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*(.*)$/.exec(at.text) ?? [];
    const value = /^"([^"]*)"/.exec(rest)?.[1] ?? (kind === 'shell' ? shellWord(rest) : undefined);
    if (value !== undefined && key !== '') settings.push({ ...at, key, value });
    else
      remarks.push({
        kind: 'unread',
        at,
        words: key === '' ? 'not KEY="value"' : 'the value needs double quotes',
      });
  }
  return { settings, remarks };
}

function shellWord(text: string): string | undefined {
  return /^'([^']*)'/.exec(text)?.[1] ?? /^[^\s'"$`;&|]*/.exec(text)?.[0];
}
