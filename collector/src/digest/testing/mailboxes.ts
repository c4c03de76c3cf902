import type { Mailer } from '../../mail/mailer.ts';
import { smtpMailer } from '../../mail/smtp.ts';
import { type SmtpInbox, smtpInbox } from '../../mail/testing/smtp-inbox.ts';

/** Sender of the digests in tests. */
export const FROM = 'Picket <picket@example.net>';

/** A mail server and the mailer that delivers to it. */
type Mailbox = { inbox: SmtpInbox; mailer: Mailer };

const inboxes: SmtpInbox[] = [];

/**
 * A mail server for one test.
 *
 * @param faults handlers of smtp-server that refuse or hang
 * @param totalMs how long one delivery may take
 */
export async function mailbox(
  faults: Parameters<typeof smtpInbox>[0] = {},
  totalMs = 20_000,
): Promise<Mailbox> {
  const inbox = await smtpInbox(faults);
  inboxes.push(inbox);
  const limits = { connectMs: 20_000, greetingMs: 20_000, idleMs: 20_000, totalMs };
  return { inbox, mailer: smtpMailer(inbox.url, FROM, limits) };
}

/** Closes the servers of the test that ends. */
export async function closeMailboxes(): Promise<void> {
  for (const inbox of inboxes.splice(0)) await inbox.close();
}

/** Texts of the mails in the order they came. */
export const textsOf = ({ mails }: SmtpInbox) => mails.map(({ parsed }) => parsed.text ?? '');

/** Subjects of the mails in the order they came. */
export const subjectsOf = ({ mails }: SmtpInbox) => mails.map(({ parsed }) => parsed.subject);
