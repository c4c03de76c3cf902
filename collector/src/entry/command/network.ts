import type { Command } from 'commander';
import { addNetwork, readNetworks } from '../../store/networks.ts';
import { addressArgument, nameArgument, zoneArgument } from './argument.ts';
import { printRows } from './print.ts';
import { CommandError, withSession } from './session.ts';

/** `picket network add` and `picket network list`. */
export function addNetworkCommands(program: Command): void {
  const network = program.command('network').description('make and list networks');
  network
    .command('add')
    .description('make a network: hosts that share a block list and one hourly mail')
    .argument('<name>', 'what people call it', nameArgument)
    .requiredOption('--mail <address...>', 'who gets the mail', addressArgument)
    .option('--zone <zone>', 'time zone of the mail', zoneArgument, 'UTC')
    .action((name: string, { mail, zone }: { mail: string[]; zone: string }) =>
      withSession(async ({ sql }) => {
        const added = await addNetwork(sql, { name, recipients: [...new Set(mail)], zone });
        if (added === undefined) throw new CommandError(`there is a network "${name}" already`);
        console.log(`network ${name} made, id ${added.id}`);
        console.log(`next: picket join-key "${name}"`);
      }),
    );
  network
    .command('list')
    .description('list networks')
    .option('--json', 'for programs')
    .action(({ json }: { json?: boolean }) =>
      withSession(async ({ sql }) => {
        printRows(
          await readNetworks(sql),
          { json, empty: 'no network yet: picket network add NAME --mail ADDRESS' },
          [
            ['NAME', (row) => row.name],
            ['HOSTS', (row) => row.hosts],
            ['MAIL', (row) => row.recipients.join(' ')],
            ['ZONE', (row) => row.zone],
            ['LIST', (row) => row.listVersion],
            ['ID', (row) => row.id],
          ],
        );
      }),
    );
}
