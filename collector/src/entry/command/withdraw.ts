import type { Command } from 'commander';
import { readJoinTokens, readMembers, withdrawHost, withdrawJoinToken } from '../../store/withdraw.ts';
import { formatRows, formatTime } from './format.ts';
import { CommandError, type Console, networkOf, type Session, withSession } from './session.ts';

/** `picket join-keys`, `picket withdraw host` and `picket withdraw join-key`. */
export function addWithdrawCommands(program: Command, console: Console): void {
  program
    .command('join-keys')
    .description('list the join keys of a network by name; what they are is kept nowhere')
    .argument('<network>', 'name or id')
    .option('--json', 'for programs')
    .action((name: string, { json }: { json?: boolean }) =>
      withSession(console, async (session) => session.print(await formatTokens(session, name, json))),
    );
  const withdraw = program
    .command('withdraw')
    .description('end what was given: it works from the next request on');
  withdraw
    .command('host')
    .description('take a host out of its network for good; its blocks on other hosts stay')
    .argument('<network>', 'name or id')
    .argument('<host>', 'name or id, as picket hosts lists it')
    .action((name: string, host: string) => withSession(console, (session) => endHost(session, name, host)));
  withdraw
    .command('join-key')
    .description('let no more hosts join with a join key')
    .argument('<network>', 'name or id')
    .argument('<name>', 'as picket join-keys lists it')
    .action((name: string, token: string) =>
      withSession(console, (session) => endToken(session, name, token)),
    );
}

async function formatTokens(session: Session, network: string, json: boolean | undefined): Promise<string> {
  const { id, name } = await networkOf(session, network);
  const rows = await readJoinTokens(session.sql, id);
  return formatRows(rows, { json, empty: `no join key yet: picket join-key "${name}"` }, [
    ['NAME', (row) => row.name],
    ['USED', (row) => `${row.uses} of ${row.maxUses}`],
    ['MADE', (row) => formatTime(row.createdAt)],
    ['EXPIRES', (row) => formatTime(row.expiresAt)],
    ['WITHDRAWN', (row) => formatTime(row.withdrawnAt)],
  ]);
}

async function endHost(session: Session, network: string, nameOrId: string): Promise<void> {
  const { sql, who, nowMs } = session;
  const { id: networkId, name } = await networkOf(session, network);
  const hosts = await readMembers(sql, networkId);
  const found = hosts.filter((host) => host.id === nameOrId || host.name === nameOrId);
  const [host] = found;
  if (host === undefined)
    throw new CommandError(`no host "${nameOrId}" is in it; see picket hosts "${name}"`);
  if (found.length > 1) throw new CommandError(`${found.length} hosts are called "${nameOrId}": name the id`);
  if (!(await withdrawHost(sql, { networkId, hostId: host.id, who }, nowMs)))
    throw new CommandError('it was withdrawn in this moment');
  session.print(`${host.name} (${host.id}) is withdrawn: it is refused from its next request on`);
}

async function endToken(session: Session, network: string, token: string): Promise<void> {
  const { id: networkId, name } = await networkOf(session, network);
  if (!(await withdrawJoinToken(session.sql, { networkId, name: token, who: session.who }, session.nowMs)))
    throw new CommandError(`there is no such join key to withdraw; see picket join-keys "${name}"`);
  session.print(`join key ${token} is withdrawn`);
}
