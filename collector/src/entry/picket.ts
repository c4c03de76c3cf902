import { DatabaseError } from '@picket/db';
import { Command } from 'commander';
import { MailerError } from '../mail/mailer.ts';
import { addBlockCommands } from './command/block.ts';
import { addDigestCommands } from './command/digest.ts';
import { addJoinKeyCommand } from './command/join-key.ts';
import { addListingCommands } from './command/listing.ts';
import { addNetworkCommands } from './command/network.ts';
import { CommandError } from './command/session.ts';

/** Set by the build; a source tree has no version. */
declare const PICKET_VERSION: string;

const program = new Command('picket')
  .description(
    "the collector's command line: it works on the same database, by the same environment variables",
  )
  .version(typeof PICKET_VERSION === 'string' ? PICKET_VERSION : 'source tree')
  .showHelpAfterError();

addNetworkCommands(program);
addJoinKeyCommand(program);
addListingCommands(program);
addBlockCommands(program);
addDigestCommands(program);

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = 1;
  const isForPeople =
    error instanceof CommandError || error instanceof DatabaseError || error instanceof MailerError;
  console.error(isForPeople ? `picket: ${error.message}` : error);
}
