import type { Mailer } from './mailer.ts';
import { outboxMailer } from './outbox.ts';
import { smtpMailer } from './smtp.ts';

/** Where mails go: to the SMTP server when one is named, else as files into a folder. */
export type MailerOptions = { smtpUrl?: string | undefined; outboxDir: string; from: string };

/** The mailer that the configuration asks for. Throws a {@link MailerError} for an SMTP URL that is none. */
export function createMailer({ smtpUrl, outboxDir, from }: MailerOptions): Mailer {
  return smtpUrl === undefined ? outboxMailer(outboxDir, from) : smtpMailer(smtpUrl, from);
}
