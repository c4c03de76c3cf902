import { hostname, userInfo } from 'node:os';
import { openDatabase } from '@picket/db';
import type { Logger } from 'pino';
import { findNetwork, type Network } from '../../store/networks.ts';
import type { Sql } from '../../store/sql.ts';
import type { Config } from '../config.ts';
import { createLog } from '../log.ts';
import { loadConfig } from '../surroundings.ts';

/** A command cannot do what it was asked; the message is for the person who asked. */
export class CommandError extends Error {
  readonly code = 'command_refused';
}

/** Where a command runs. */
export interface Console {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Writes lines that were asked for. */
  print(text: string): void;
  /** Writes lines about what went wrong. */
  complain(text: string): void;
}

/** What a command works with. */
export interface Session {
  readonly config: Config;
  readonly sql: Sql;
  readonly log: Logger;
  readonly nowMs: number;
  /** Who asks: goes into the records as the author. */
  readonly author: string;
  /** Who asks and where, `person@machine`: goes into the audit log. */
  readonly who: string;
  print(text: string): void;
}

/** Opens the collector's database beside a collector that may be running, runs the command and closes it. */
export async function withSession(
  { env, print }: Console,
  command: (session: Session) => Promise<void>,
): Promise<void> {
  const config = loadConfig(env);
  const log = createLog(env.LOG_LEVEL ? config.logLevel : 'warn');
  const { databaseUrl: url, dataDir } = config;
  const database = await openDatabase({
    ...{ url, dataDir, log },
    ...{ supervise: false, applicationName: 'picket', max: 2 },
  });
  try {
    const author = authorOf(env);
    const who = `${author}@${hostname()}`;
    await command({ config, sql: database.sql, log, nowMs: Date.now(), author, who, print });
  } finally {
    await database.close();
  }
}

/** The network that a person named; refuses a name that is none. */
export async function networkOf({ sql, config }: Session, name: string): Promise<Network> {
  const network = await findNetwork(sql, name);
  if (network !== undefined) return network;
  // With other variables than the collector has, a command works on another database without noticing.
  const where =
    config.databaseUrl === undefined ? `the database in ${config.dataDir}` : 'the database of DATABASE_URL';
  throw new CommandError(`there is no network "${name}" in ${where}; see picket network list`);
}

/** Behind sudo it is the person, not root, who asks. */
function authorOf(env: Console['env']): string {
  return env.SUDO_USER || userInfo().username;
}
