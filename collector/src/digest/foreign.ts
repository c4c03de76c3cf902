/** What stands for a character that a mail must not carry. */
const REPLACED = '\uFFFD';

/**
 * Controls, line and paragraph separators, bidi and other format characters, invisible letters, lone surrogates,
 * private and unassigned code points: what could start a line, hide text or reorder it on the reader's screen.
 */
const FORBIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}\p{Default_Ignorable_Code_Point}]/gu;

/** More than three marks on one letter grow over the lines above and below. */
const STACKED_MARKS = /(\p{M}{3})\p{M}+/gu;

/** Blocks of right-to-left scripts (Unicode DerivedBidiClass: R and AL by default). */
const RIGHT_TO_LEFT = /[\u0590-\u08FF\uFB1D-\uFDFF\uFE70-\uFEFF\u{10800}-\u{10FFF}\u{1E800}-\u{1EFFF}]/u;

/** First strong isolate and its end (Unicode UAX 9): the text between them cannot reorder what stands around it. */
const ISOLATE = ['\u2068', '\u2069'] as const;

/**
 * Text that others wrote (names of hosts, reasons, answers of a mail server) as one harmless piece of a line: no
 * control, no line break, no bidi control, no run of spaces. It is still to be escaped where it enters HTML.
 *
 * @param most longest result in code points; what is cut ends in an ellipsis
 */
export function foreign(text: string, most = 48): string {
  // Cut before the patterns run: the text may be of any length.
  const points = [
    ...text
      .slice(0, most * 8)
      .replace(/\s+/gu, ' ')
      .replace(FORBIDDEN, REPLACED)
      .trim(),
  ];
  const whole = text.length <= most * 8 && points.length <= most;
  const cut = whole ? points.join('') : `${points.slice(0, most - 1).join('')}…`;
  const calm = cut.replace(STACKED_MARKS, '$1');
  return RIGHT_TO_LEFT.test(calm) ? `${ISOLATE[0]}${calm}${ISOLATE[1]}` : calm;
}
