import { compose, type Sending } from './compose.ts';
import { type Facts, MAX_SCANNERS } from './facts.ts';
import { renderHtml } from './render-html.ts';
import { renderText } from './render-text.ts';

/** What a person reads: the subject and the two alternatives of the body. */
export type MailContent = { subject: string; text: string; html: string };

/** Largest body as it is sent, bytes; with the headers the mail stays under 100 kB. Gmail cuts mails at 102 kB. */
const MAX_BODY_BYTES = 92_000;

/** How many scanners are told one by one; the first that fits is taken. */
const STEPS = [MAX_SCANNERS, 40, 30, 20, 10, 5, 0];

/** Renders the facts as a mail that stays within its bounds: the more there is to say of each scanner, the fewer are told one by one. */
export function render(facts: Facts, sending: Sending): MailContent {
  let content: MailContent | undefined;
  for (const shown of STEPS) {
    const letter = compose(facts, sending, shown);
    content = { subject: letter.subject, text: renderText(letter), html: renderHtml(letter) };
    if (encodedBytes(content.text) + encodedBytes(content.html) <= MAX_BODY_BYTES) return content;
  }
  if (content === undefined) throw new RangeError('no step to render');
  return content;
}

/** Bytes of a part after quoted-printable (RFC 2045 section 6.7), which base64 undercuts where it is chosen instead. */
function encodedBytes(part: string): number {
  const bytes = Buffer.from(part);
  const escaped = bytes.reduce((sum, byte) => sum + (byte > 126 || byte === 0x3d ? 2 : 0), 0);
  const plain = bytes.length + escaped;
  // A soft line break, "=CRLF", at least every 76 columns; LF becomes CRLF.
  return plain + Math.ceil(plain / 72) * 3;
}
