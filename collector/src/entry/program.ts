import { DatabaseError } from '@picket/db';
import { Command, CommanderError } from 'commander';
import { MailerError } from '../mail/mailer.ts';
import { databaseFault } from '../store/fault.ts';
import { addAuditCommand } from './command/audit.ts';
import { addBlockCommands } from './command/block.ts';
import { addDigestCommands } from './command/digest.ts';
import { addJoinKeyCommand } from './command/join-key.ts';
import { addListingCommands } from './command/listing.ts';
import { addNetworkCommands } from './command/network.ts';
import { CommandError, type Console } from './command/session.ts';
import { addWithdrawCommands } from './command/withdraw.ts';
import { ConfigError, EX_CONFIG } from './surroundings.ts';

/** Set by the build; a source tree has no version. */
declare const PICKET_VERSION: string;

/** Runs one command of the command line and returns its exit status. */
export async function runPicket(args: readonly string[], console: Console): Promise<number> {
  try {
    await createProgram(console).parseAsync([...args], { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    if (error instanceof ConfigError) {
      console.complain(error.message);
      return EX_CONFIG;
    }
    const words = isForPeople(error) ? error.message : databaseWords(error);
    if (words === undefined) throw error;
    console.complain(`picket: ${words}`);
    return 1;
  }
}

function isForPeople(error: unknown): error is Error {
  return error instanceof CommandError || error instanceof DatabaseError || error instanceof MailerError;
}

function databaseWords(error: unknown): string | undefined {
  const fault = databaseFault(error);
  return fault === undefined ? undefined : `the database cannot be used: ${fault}`;
}

function createProgram(console: Console): Command {
  const program = new Command('picket')
    .description(
      "the collector's command line: it works on the same database, by the same environment variables",
    )
    .version(typeof PICKET_VERSION === 'string' ? PICKET_VERSION : 'source tree')
    .showHelpAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => console.print(text.trimEnd()),
      writeErr: (text) => console.complain(text.trimEnd()),
    });
  addNetworkCommands(program, console);
  addJoinKeyCommand(program, console);
  addListingCommands(program, console);
  addWithdrawCommands(program, console);
  addAuditCommand(program, console);
  addBlockCommands(program, console);
  addDigestCommands(program, console);
  return program;
}
