/** A mail, ready but for its MIME form. */
export type Mail = {
  /** With angle brackets (RFC 5322 section 3.6.4); the same for each try to send the same mail. */
  messageId: string;
  /** What mail readers sort by: a domain-like id and a name (RFC 2919). */
  list: { id: string; name: string };
  /** Plain addresses. */
  to: readonly string[];
  subject: string;
  text: string;
  html: string;
  date: Date;
};

/** What came of a try: taken for at least one recipient, or for none. A reason may hold text of the other server. */
export type Delivery = { kind: 'taken'; refused: string[] } | { kind: 'failed'; reason: string };

/** Port: takes mails to where they go. */
export type Mailer = {
  /** Address that its mails come from. */
  readonly from: string;
  /**
   * Returns within ten minutes, whatever the other side does. Never throws for what the other side does.
   *
   * @param stop ends a delivery under way as failed; the other side may have taken the mail all the same
   */
  send(mail: Mail, stop?: AbortSignal): Promise<Delivery>;
};

/** A mailer that cannot be made from what the configuration says. */
export class MailerError extends Error {
  readonly code = 'mail_config';
}
