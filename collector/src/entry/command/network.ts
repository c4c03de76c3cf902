import type { Command } from 'commander';
import { addNetwork, type Network, readNetworks } from '../../store/networks.ts';
import { addressArgument, nameArgument, zoneArgument } from './argument.ts';
import { type Column, formatRows } from './format.ts';
import { CommandError, type Console, withSession } from './session.ts';

/** `picket network add` and `picket network list`. */
export function addNetworkCommands(program: Command, console: Console): void {
  const network = program.command('network').description('make and list networks');
  network
    .command('add')
    .description('make a network: hosts that share a block list and one hourly mail')
    .argument('<name>', 'what people call it', nameArgument)
    .requiredOption('--mail <address...>', 'who gets the mail', addressArgument)
    .option('--zone <zone>', 'time zone of the mail', zoneArgument, 'UTC')
    .action((name: string, { mail, zone }: { mail: string[]; zone: string }) =>
      withSession(console, async ({ sql, print }) => {
        const added = await addNetwork(sql, { name, recipients: [...new Set(mail)], zone });
        if (added === undefined) throw new CommandError(`there is a network "${name}" already`);
        print(`network ${name} made, id ${added.id}`);
        print(`next: picket join-key "${name}"`);
      }),
    );
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

const COLUMNS: readonly Column<Network>[] = [
  ['NAME', (row) => row.name],
  ['HOSTS', (row) => row.hosts],
  ['MAIL', (row) => row.recipients.join(' ')],
  ['ZONE', (row) => row.zone],
  ['LIST', (row) => row.listVersion],
  ['ID', (row) => row.id],
];
