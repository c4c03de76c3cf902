import type { AddressInfo } from 'node:net';
import { type ParsedMail, simpleParser } from 'mailparser';
import { SMTPServer, type SMTPServerDataStream, type SMTPServerOptions } from 'smtp-server';

/** A mail as the server got it. */
export type ReceivedMail = { raw: Buffer; parsed: ParsedMail; to: string[] };

/** A real SMTP server on loopback that keeps what it takes, for tests. */
export type SmtpInbox = { url: string; mails: ReceivedMail[]; close(): Promise<void> };

/** @param faults handlers of smtp-server that refuse or hang */
export async function smtpInbox(faults: SMTPServerOptions = {}): Promise<SmtpInbox> {
  const mails: ReceivedMail[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    closeTimeout: 100,
    onData(stream, session, done) {
      receive(stream)
        .then((raw) => Promise.all([raw, simpleParser(raw)]))
        .then(([raw, parsed]) => {
          mails.push({ raw, parsed, to: session.envelope.rcptTo.map(({ address }) => address) });
          done();
        }, done);
    },
    ...faults,
  });
  // A client that gives up breaks its connection; the server is to live on.
  server.on('error', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.server.address() as AddressInfo;
  return {
    url: `smtp://127.0.0.1:${port}`,
    mails,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

async function receive(stream: SMTPServerDataStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
