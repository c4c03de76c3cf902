import { printable } from '../report/log.ts';
import { exitStatus } from './examine.ts';
import type { Finding } from './finding.ts';

const MARK = { ok: 'ok   ', note: 'note ', wrong: 'WRONG' } as const;

const MARGIN = ' '.repeat(18);

/** Findings as lines for people, what is to be done below each. Words of other programs are made harmless. */
export function findingLines(found: readonly Finding[]): string[] {
  const lines = found.flatMap(({ area, grade, what, todo }) => [
    `${MARK[grade]}  ${area.padEnd(11)}${indented(what)}`,
    ...(todo === undefined ? [] : [`${MARGIN}-> ${indented(todo)}`]),
  ]);
  return [...lines, '', summary(found)];
}

/** The lines of a message, each made harmless and below the first. */
function indented(text: string): string {
  return text.split('\n').map(printable).join(`\n${MARGIN}`);
}

function summary(found: readonly Finding[]): string {
  const count = (grade: Finding['grade']) => found.filter((finding) => finding.grade === grade).length;
  return exitStatus(found) === 0
    ? `Nothing is wrong; ${count('note')} notes.`
    : `${count('wrong')} of ${found.length} things are wrong; ${count('note')} notes.`;
}

/** The same for programs. */
export function findingJson(found: readonly Finding[]): string {
  return JSON.stringify({ isWell: exitStatus(found) === 0, findings: found }, null, 2);
}
