import { createTransport } from 'nodemailer';
import { type Delivery, type Mailer, MailerError } from './mailer.ts';
import { toMessage } from './message.ts';

/** How long the stages of one delivery may take, ms. */
export type SmtpLimits = { connectMs: number; greetingMs: number; idleMs: number; totalMs: number };

/**
 * RFC 5321 section 4.5.3.2 grants a server 5 minutes a command and 10 for the answer to the content: who gives up
 * earlier sends mails twice. Only the connection and the greeting are held shorter.
 */
const LIMITS: SmtpLimits = { connectMs: 20_000, greetingMs: 60_000, idleMs: 570_000, totalMs: 580_000 };

/**
 * Delivers over SMTP; one connection a mail. STARTTLS is used where the server offers it; `smtps:` is TLS from the
 * start.
 *
 * @param url `smtp://` or `smtps://`, with user, password and nodemailer's options in the query
 */
export function smtpMailer(url: string, from: string, limits: SmtpLimits = LIMITS): Mailer {
  checkUrl(url);
  const transport = createTransport({
    url,
    connectionTimeout: limits.connectMs,
    greetingTimeout: limits.greetingMs,
    socketTimeout: limits.idleMs,
  });
  return {
    from,
    async send(mail, stop): Promise<Delivery> {
      const timeout = AbortSignal.timeout(limits.totalMs);
      const signal = stop === undefined ? timeout : AbortSignal.any([timeout, stop]);
      try {
        const { rejected } = await transport.sendMail({ ...toMessage(mail, from), signal });
        return { kind: 'taken', refused: rejected.map(String) };
      } catch (error) {
        if (stop?.aborted) return { kind: 'failed', reason: 'the collector stopped' };
        if (timeout.aborted) return { kind: 'failed', reason: `no end after ${limits.totalMs} ms` };
        return { kind: 'failed', reason: reasonOf(error) };
      }
    },
  };
}

/** The url itself is left out of the message: it holds a password. */
function checkUrl(url: string): void {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (/^smtps?:$/.test(parsed?.protocol ?? '') && parsed?.hostname !== '') return;
  throw new MailerError('the SMTP URL must have the form smtp://host:port or smtps://user:password@host');
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? `${error.code}: ` : '';
  return `${code}${error.message}`;
}
