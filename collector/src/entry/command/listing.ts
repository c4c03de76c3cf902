import type { Command } from 'commander';
import type { Network } from '../../store/networks.ts';
import { readBlocks, readHosts, readSources } from '../../store/reports.ts';
import { countUpTo } from './argument.ts';
import { formatTime, printRows } from './print.ts';
import { networkOf, type Session, withSession } from './session.ts';

/** How a listing prints. */
interface ListingOptions {
  readonly json?: boolean;
  readonly most: number;
}

/** `picket hosts`, `picket sources` and `picket blocks`. */
export function addListingCommands(program: Command): void {
  addListing(program, 'hosts', 'list the hosts of a network', printHosts);
  addListing(
    program,
    'sources',
    'list the sources that probed a network, the last seen first',
    printSources,
  ).option('--most <count>', 'how many', countUpTo(100_000), 50);
  addListing(program, 'blocks', 'list the shared blocks of a network that run', printBlocks);
}

type Print = (session: Session, network: Network, options: ListingOptions) => Promise<void>;

function addListing(program: Command, name: string, description: string, print: Print): Command {
  return program
    .command(name)
    .description(description)
    .argument('<network>', 'name or id')
    .option('--json', 'for programs')
    .action((networkName: string, options: ListingOptions) =>
      withSession(async (session) => print(session, await networkOf(session, networkName), options)),
    );
}

async function printHosts({ sql }: Session, { id, name }: Network, { json }: ListingOptions): Promise<void> {
  const rows = await readHosts(sql, id);
  printRows(rows, { json, empty: `no host yet: picket join-key "${name}"` }, [
    ['NAME', (row) => row.name],
    [
      'STATE',
      (row) => (row.withdrawnAt === null ? (row.statusAt === null ? 'enrolled' : 'reporting') : 'withdrawn'),
    ],
    ['ENGINE', (row) => row.engine],
    ['FIREWALL', (row) => row.firewall],
    ['LIST', (row) => row.listVersion],
    ['LAST SEEN', (row) => formatTime(row.lastSeenAt)],
    ['SYSTEM', (row) => `${row.os} ${row.arch}`],
    ['AGENT', (row) => row.agentVersion],
  ]);
}

async function printSources(
  { sql }: Session,
  { id }: Network,
  { json, most }: ListingOptions,
): Promise<void> {
  printRows(await readSources(sql, id, most), { json, empty: 'no source was seen' }, [
    ['SOURCE', (row) => row.source],
    ['BLOCKED', (row) => (row.isBlocked ? 'yes' : 'no')],
    ['LAST SEEN', (row) => formatTime(row.lastAt)],
    ['PROBED', (row) => row.hosts.join(' ')],
    ['TRIPPED ON', (row) => row.trippedOn.join(' ')],
    ['BLOCKS', (row) => row.blocks],
  ]);
}

async function printBlocks({ sql }: Session, { id }: Network, { json }: ListingOptions): Promise<void> {
  printRows(await readBlocks(sql, id), { json, empty: 'nothing is blocked' }, [
    ['SOURCE', (row) => row.source],
    ['TIER', (row) => row.tier],
    ['UNTIL', (row) => formatTime(row.untilAt)],
    ['BY', (row) => row.author],
    ['REASON', (row) => row.reason],
  ]);
}
