import { MAX_SHARED_BLOCK_MS, type Source } from '@picket/protocol';
import { type Command, Option } from 'commander';
import { FIRST_BLOCK_MS } from '../../correlate/decide.ts';
import {
  allowSource,
  blockSource,
  disallowSource,
  type RefusedBlock,
  unblockSource,
} from '../../store/manual.ts';
import { durationUpTo, reasonArgument, sourceArgument } from './argument.ts';
import { formatTime } from './format.ts';
import { CommandError, type Console, networkOf, withSession } from './session.ts';

/** `picket block`, `picket unblock`, `picket allow` and `picket disallow`. */
export function addBlockCommands(program: Command, console: Console): void {
  on(
    program,
    'block',
    'block a source on all hosts of a network: new connections, and on hosts with established = "cut" everything',
  )
    .requiredOption('--reason <words>', 'why', reasonArgument)
    .addOption(
      new Option('--for <duration>', 'how long')
        .argParser(durationUpTo(MAX_SHARED_BLOCK_MS))
        .default(FIRST_BLOCK_MS, `${FIRST_BLOCK_MS / 3_600_000}h`),
    )
    .action((name, source, options) => block(console, name, source, options));
  on(
    program,
    'unblock',
    'lift the shared block of a source; only what it does from now on counts again',
  ).action((name, source) => unblock(console, name, source));
  on(program, 'allow', 'never block a source on any host of a network, and lift the blocks it has now')
    .requiredOption('--reason <words>', 'why', reasonArgument)
    .action((name, source, options) => allow(console, name, source, options));
  on(program, 'disallow', 'take an allow entry back').action((name, source) =>
    disallow(console, name, source),
  );
}

function on(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .argument('<network>', 'name or id')
    .argument('<source>', 'address or prefix', sourceArgument);
}

function block(
  console: Console,
  name: string,
  source: Source,
  options: { reason: string; for: number },
): Promise<void> {
  return withSession(console, async (session) => {
    const { id: networkId } = await networkOf(session, name);
    const { sql, author, who, nowMs } = session;
    const [untilMs, reason] = [nowMs + options.for, options.reason];
    const result = await blockSource(
      sql,
      { networkId, source, tier: 'dropped', reason, author, who, untilMs },
      nowMs,
    );
    if (!result.ok) throw new CommandError(whyNot(source, result.reason));
    session.print(
      `${source} is blocked until ${formatTime(new Date(untilMs))} (list version ${result.version})`,
    );
  });
}

function whyNot(source: Source, reason: RefusedBlock): string {
  if (reason === 'list full') return 'the block list is full';
  if (reason === 'too wide')
    return `${source} is too wide: hosts block one IPv4 address, one IPv6 /64 or one IPv6 address at a time`;
  return `${source} is never blocked: ${reason}`;
}

function unblock(console: Console, name: string, source: Source): Promise<void> {
  return withSession(console, async (session) => {
    const { id: networkId } = await networkOf(session, name);
    const version = await unblockSource(session.sql, { networkId, source, who: session.who }, session.nowMs);
    if (version === undefined)
      throw new CommandError(`${source} is not blocked; see picket blocks "${name}"`);
    session.print(`${source} is no longer blocked (list version ${version})`);
  });
}

function allow(
  console: Console,
  name: string,
  source: Source,
  { reason }: { reason: string },
): Promise<void> {
  return withSession(console, async (session) => {
    const { id: networkId } = await networkOf(session, name);
    const { sql, author, who, nowMs } = session;
    const { lifted, version } = await allowSource(sql, { networkId, source, reason, author, who }, nowMs);
    for (const block of lifted) session.print(`${block} is no longer blocked`);
    session.print(`${source} is never blocked from now on (list version ${version})`);
  });
}

function disallow(console: Console, name: string, source: Source): Promise<void> {
  return withSession(console, async (session) => {
    const { id: networkId } = await networkOf(session, name);
    const version = await disallowSource(session.sql, { networkId, source, who: session.who }, session.nowMs);
    if (version === undefined) throw new CommandError(`there is no allow entry for ${source}`);
    session.print(`${source} may be blocked again (list version ${version})`);
  });
}
