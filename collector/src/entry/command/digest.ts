import type { Command } from 'commander';
import { type DigestDeps, previewDigest, sendDigestNow } from '../../digest/run.ts';
import { createMailer } from '../../mail/pick.ts';
import { CommandError, type Console, networkOf, type Session, withSession } from './session.ts';

/** `picket digest preview` and `picket digest send`. */
export function addDigestCommands(program: Command, console: Console): void {
  const digest = program.command('digest').description('the hourly mail of a network');
  digest
    .command('preview')
    .description('print the mail as it would be sent now')
    .argument('<network>', 'name or id')
    .action((name: string) => withSession(console, (session) => preview(session, name)));
  digest
    .command('send')
    .description('send now what no mail has told; the next hourly mail tells what comes after')
    .argument('<network>', 'name or id')
    .action((name: string) => withSession(console, (session) => send(session, name)));
}

async function preview(session: Session, name: string): Promise<void> {
  const { id } = await networkOf(session, name);
  const mail = await previewDigest({ sql: session.sql, nowMs: Date.now }, id);
  session.print(
    mail === undefined ? 'nothing to tell: no mail would be sent' : `${mail.subject}\n\n${mail.text}`,
  );
}

async function send(session: Session, name: string): Promise<void> {
  const { id } = await networkOf(session, name);
  const outcome = await sendDigestNow(digestDeps(session), id, session.who);
  if (outcome.kind === 'nothing') return session.print('nothing to tell: no mail was sent');
  if (outcome.kind === 'no-recipients') throw new CommandError('the network has no recipients');
  if (outcome.kind === 'left')
    throw new CommandError(`not sent, the collector tries again: ${outcome.reason}`);
  session.print(`sent as ${outcome.messageId}`);
}

function digestDeps({ sql, log, config: { smtpUrl, outboxDir, mailFrom } }: Session): DigestDeps {
  return { sql, log, mailer: createMailer({ smtpUrl, outboxDir, from: mailFrom }), nowMs: Date.now };
}
