import type { SendMailOptions } from 'nodemailer';
import type { Mail } from './mailer.ts';

/**
 * A mail as nodemailer takes it. Header values reach it as values, never as lines: it encodes them and lets no line
 * break through. It must read neither files nor URLs, whatever a text looks like.
 */
export function toMessage(mail: Mail, from: string): SendMailOptions {
  return {
    from,
    to: mail.to.map((address) => ({ name: '', address })),
    subject: mail.subject,
    text: mail.text,
    html: mail.html,
    date: mail.date,
    messageId: mail.messageId,
    list: { id: { url: mail.list.id, comment: mail.list.name } },
    // RFC 3834 section 5: answering machines leave it alone.
    headers: { 'Auto-Submitted': 'auto-generated' },
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}
