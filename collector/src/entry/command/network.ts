import { Argument, type Command } from 'commander';
import {
  addNetwork,
  type Network,
  type NetworkMode,
  readNetworks,
  setNetworkMode,
} from '../../store/networks.ts';
import { addressArgument, durationUpTo, nameArgument, zoneArgument } from './argument.ts';
import { type Column, formatRows, formatTime } from './format.ts';
import { CommandError, type Console, networkOf, withSession } from './session.ts';

/** Longest a network is held in observe mode with an end: a year. Without one it is held until a person says so. */
const MAX_OBSERVE_MS = 366 * 24 * 3_600_000;

/** `picket network add`, `picket network list` and `picket network mode`. */
export function addNetworkCommands(program: Command, console: Console): void {
  const network = program.command('network').description('make and list networks');
  network
    .command('add')
    .description('make a network: hosts that share a block list and one hourly mail')
    .argument('<name>', 'what people call it', nameArgument)
    .requiredOption('--mail <address...>', 'who gets the mail', addressArgument)
    .option('--zone <zone>', 'time zone of the mail', zoneArgument, 'UTC')
    .action((name: string, { mail, zone }: { mail: string[]; zone: string }) =>
      withSession(console, async ({ sql, print, who }) => {
        const added = await addNetwork(sql, { name, recipients: [...new Set(mail)], zone, who });
        if (added === undefined) throw new CommandError(`there is a network "${name}" already`);
        print(`network ${name} made, id ${added.id}`);
        print(`next: picket join-key "${name}"`);
      }),
    );
  addModeCommand(network, console);
  network
    .command('list')
    .description('list networks')
    .option('--json', 'for programs')
    .action(({ json }: { json?: boolean }) =>
      withSession(console, async ({ sql, print }) => {
        const empty = 'no network yet: picket network add NAME --mail ADDRESS';
        print(formatRows(await readNetworks(sql), { json, empty }, COLUMNS));
      }),
    );
}

function addModeCommand(network: Command, console: Console): void {
  network
    .command('mode')
    .description('hold a whole network in observe mode: its hosts tell each decision and carry none out')
    .argument('<network>', 'name or id')
    .addArgument(new Argument('<mode>', 'what its hosts do').choices(['observe', 'enforce']))
    .option('--for <duration>', 'observe for that long, as 7d', durationUpTo(MAX_OBSERVE_MS))
    .action((name: string, mode: NetworkMode, { for: forMs }: { for?: number }) =>
      withSession(console, async (session) => {
        if (mode === 'enforce' && forMs !== undefined) throw new CommandError('--for belongs to observe');
        const { id: networkId, name: network } = await networkOf(session, name);
        const untilMs = forMs === undefined ? undefined : session.nowMs + forMs;
        await setNetworkMode(session.sql, { networkId, mode, untilMs, who: session.who }, session.nowMs);
        session.print(
          `network ${network}: ${modeWords(mode, untilMs === undefined ? null : new Date(untilMs))}`,
        );
        if (mode === 'enforce') session.print('hosts whose own policy says observe go on to observe');
      }),
    );
}

function modeWords(mode: NetworkMode, until: Date | null): string {
  return mode === 'observe' && until !== null ? `observe until ${formatTime(until)}` : mode;
}

const COLUMNS: readonly Column<Network>[] = [
  ['NAME', (row) => row.name],
  ['HOSTS', (row) => row.hosts],
  ['MAIL', (row) => row.recipients.join(' ')],
  ['ZONE', (row) => row.zone],
  ['MODE', (row) => modeWords(row.mode, row.modeUntil)],
  ['LIST', (row) => row.listVersion],
  ['ID', (row) => row.id],
];
