import { html, raw } from 'hono/html';
import type { Card, Letter, Row, Section } from './letter.ts';

type Html = ReturnType<typeof html>;

/*
 * Mail readers are older than browsers: tables for layout, styles at the elements, no script, no remote content. The
 * style sheet only adds what can be missed: darker colours where the reader prefers them. Outlook reads attributes
 * (`bgcolor`, `width`) where it ignores styles.
 */
const FONT = 'font-family:-apple-system,Segoe UI,Roboto,Helvetica,Arial,sans-serif';
const INK = 'color:#1f2328';
const SOFT = 'color:#57606a';
const LABEL = `${SOFT};padding:2px 12px 2px 0;white-space:nowrap`;
const VALUE = 'padding:2px 0;overflow-wrap:anywhere';
const TONES = { calm: 'color:#1a7f37', look: 'color:#b42318' } as const;

const STYLE_SHEET = `
:root{color-scheme:light dark;supported-color-schemes:light dark}
@media (prefers-color-scheme:dark){
body,.page{background:#0d1117!important;color:#e6edf3!important}
.box{background:#161b22!important;border-color:#30363d!important}
.ink{color:#e6edf3!important}.soft{color:#9198a1!important}
.calm{color:#3fb950!important}.look{color:#ff7b72!important}
}`;

/** The HTML part: the same content as the text, every string escaped by hono's template. */
export function renderHtml(letter: Letter): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>${letter.subject}</title>
<style>${raw(STYLE_SHEET)}
</style>
</head>
<body style="margin:0;background:#f6f8fa">
<table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" border="0" bgcolor="#f6f8fa">
<tr><td align="center" style="padding:16px 8px">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="max-width:640px;text-align:left;${FONT};font-size:14px;line-height:1.45;${INK}" class="ink">
<tr><td style="padding:0 4px 12px"><h1 style="margin:0;font-size:18px">${letter.heading}</h1>
<span class="soft" style="${SOFT}">${letter.dateline}</span></td></tr>
${letter.notices.map(noticeHtml)}
${boxHtml(rowsHtml(letter.summary, 'font-size:15px'))}
${letter.sections.map(sectionHtml)}
<tr><td class="soft" style="padding:8px 4px;font-size:12px;${SOFT}">${blocks(letter.footer)}</td></tr>
</table>
</td></tr>
</table>
</body>
</html>
`.toString();
}

const noticeHtml = (notice: string): Html =>
  html`<tr><td class="look" style="padding:0 4px 12px;font-weight:bold;${TONES.look}">${notice}</td></tr>
`;

/** A framed row of the page's table, and the gap under it. */
const boxHtml = (content: Html): Html =>
  html`<tr><td class="box" bgcolor="#ffffff" style="background:#ffffff;border:1px solid #d1d9e0;border-radius:6px;padding:12px 14px">${content}</td></tr>
<tr><td height="10" style="font-size:0;line-height:10px">&nbsp;</td></tr>
`;

function sectionHtml({ title, cards, lines }: Section): Html {
  return html`<tr><td style="padding:10px 4px 8px"><h2 style="margin:0;font-size:16px">${title}</h2></td></tr>
${cards.map((card) => boxHtml(cardHtml(card)))}
${lines.map((line) => html`<tr><td style="padding:0 4px 10px">${line}</td></tr>`)}
`;
}

const cardHtml = ({ title, badge, tone, rows }: Card): Html =>
  html`<h3 style="margin:0;font-size:15px;overflow-wrap:anywhere">${title}</h3>
<b class="${tone}" style="${TONES[tone]}">${badge}</b>
${rowsHtml(rows, 'font-size:13px;margin-top:6px')}`;

function rowsHtml(rows: readonly Row[], style: string): Html {
  return html`<table role="presentation" cellpadding="0" cellspacing="0" border="0" class="ink" style="${style};${INK}">
${rows.map(
  ({
    label,
    lines,
  }) => html`<tr valign="top"><td class="soft" style="${LABEL}">${label}</td><td style="${VALUE}">${blocks(lines)}</td></tr>
`,
)}</table>`;
}

/** One line as it is, several as blocks, so that a broken one can be told from the next. */
const blocks = (lines: readonly string[]): Html | Html[] =>
  lines.length === 1
    ? html`${lines[0]}`
    : lines.map(
        (line) => html`<div style="margin-bottom:3px">${line}</div>
`,
      );
