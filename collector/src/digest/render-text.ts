import type { Card, Letter, Row, Section } from './letter.ts';

/** Columns of a line (RFC 5322 section 2.1.1); only a word longer than the line goes beyond. */
const WIDTH = 78;

/**
 * The plain text part, complete by itself. Text of others never stands at the start of a line: those lines are ours
 * alone, so nothing foreign can pass for a title, a signature or a mailbox's "From ".
 */
export function renderText(letter: Letter): string {
  const parts = [
    [letter.heading, letter.dateline].flatMap((line) => wrap(line, '', '  ')),
    letter.notices.flatMap((notice) => wrap(notice, '! ', '  ')),
    letter.summary.flatMap((row) => rowLines(row, '', 17)),
    ...letter.sections.flatMap(sectionParts),
    ['--', ...letter.footer.flatMap((line) => wrap(line, '', '  '))],
  ];
  return `${parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function sectionParts({ title, cards, lines }: Section): string[][] {
  return [
    [title, '='.repeat(title.length)],
    ...cards.map(cardLines),
    lines.flatMap((line) => wrap(line, '', '  ')),
  ];
}

function cardLines({ title, badge, tone, rows }: Card): string[] {
  const mark = tone === 'look' ? '! ' : '* ';
  return [...wrap(`${title}: ${badge}`, mark, '  '), ...rows.flatMap((row) => rowLines(row, '  ', 14))];
}

/** The label in its column, each of the row's paragraphs in the column after it. */
function rowLines({ label, lines }: Row, margin: string, column: number): string[] {
  const indent = ' '.repeat(column);
  return lines.flatMap((line, i) => {
    const first = i === 0 ? `${margin}${label}`.padEnd(column) : indent;
    return wrap(line, first, lines.length > 1 ? `${indent}  ` : indent);
  });
}

/** Breaks at spaces; `first` leads the first line, `rest` each further one. */
function wrap(text: string, first: string, rest: string): string[] {
  const lines: string[] = [];
  let line = first;
  let isEmpty = true;
  for (const word of text.split(' ')) {
    if (!isEmpty && columns(line) + 1 + columns(word) > WIDTH) {
      lines.push(line);
      [line, isEmpty] = [rest, true];
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line.trimEnd()];
}

const columns = (text: string) => [...text].length;
