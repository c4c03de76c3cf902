import type { Command } from 'commander';
import type { Network } from '../../store/networks.ts';
import { type HostReport, readBlocks, readHosts, readSources } from '../../store/reports.ts';
import { countUpTo } from './argument.ts';
import { formatRows, formatTime } from './format.ts';
import { type Console, networkOf, type Session, withSession } from './session.ts';

/** How a listing prints. */
interface ListingOptions {
  readonly json?: boolean;
  readonly most: number;
}

/** Reads what a listing shows and puts it into lines. */
type Format = (session: Session, network: Network, options: ListingOptions) => Promise<string>;

/** `picket hosts`, `picket sources` and `picket blocks`. */
export function addListingCommands(program: Command, console: Console): void {
  const add = (name: string, description: string, format: Format): Command =>
    program
      .command(name)
      .description(description)
      .argument('<network>', 'name or id')
      .option('--json', 'for programs')
      .action((networkName: string, options: ListingOptions) =>
        withSession(console, async (session) => {
          session.print(await format(session, await networkOf(session, networkName), options));
        }),
      );
  add('hosts', 'list the hosts of a network', formatHosts);
  const sources = add(
    'sources',
    'list the sources that probed a network, the last seen first',
    formatSources,
  );
  sources.option('--most <count>', 'how many', countUpTo(100_000), 50);
  add('blocks', 'list the shared blocks of a network that run', formatBlocks);
}

async function formatHosts(
  { sql }: Session,
  { id, name }: Network,
  { json }: ListingOptions,
): Promise<string> {
  const rows = await readHosts(sql, id);
  return formatRows(rows, { json, empty: `no host yet: picket join-key "${name}"` }, [
    ['NAME', (row) => row.name],
    [
      'STATE',
      (row) => (row.withdrawnAt === null ? (row.statusAt === null ? 'enrolled' : 'reporting') : 'withdrawn'),
    ],
    ['ENGINE', (row) => row.engine],
    ['FIREWALL', (row) => row.firewall],
    ['MODE', (row) => row.mode],
    ['LIST', (row) => row.listVersion],
    ['LAST SEEN', (row) => formatTime(row.lastSeenAt)],
    ['SYSTEM', (row) => `${row.os} ${row.arch}`],
    ['AGENT', (row) => row.agentVersion],
    ['TROUBLE', troubleOf],
  ]);
}

/** A clock that is off by less may be the noise of the measurement, ms. */
const CLOCK_MS = 5_000;

/** What somebody should look at on a host, as of its last status. */
function troubleOf(row: HostReport): string {
  const offsetMs = row.clockOffsetMs ?? 0;
  const clock = `clock ${Math.round(Math.abs(offsetMs) / 1000)} s ${offsetMs > 0 ? 'behind' : 'ahead'}`;
  return [
    ...(row.isDiskFailing ? ['its disk takes no events'] : []),
    ...(row.lost > 0 ? [`${row.lost} batches lost`] : []),
    ...(row.rejected > 0 ? [`${row.rejected} batches put aside`] : []),
    ...(row.listsRefused > 0 ? [`${row.listsRefused} lists not believed`] : []),
    ...(Math.abs(offsetMs) > CLOCK_MS ? [clock] : []),
  ].join(', ');
}

async function formatSources(
  { sql }: Session,
  { id }: Network,
  { json, most }: ListingOptions,
): Promise<string> {
  return formatRows(await readSources(sql, id, most), { json, empty: 'no source was seen' }, [
    ['SOURCE', (row) => row.source],
    ['BLOCKED', (row) => (row.isBlocked ? 'yes' : 'no')],
    ['LAST SEEN', (row) => formatTime(row.lastAt)],
    ['PROBED', (row) => row.hosts.join(' ')],
    ['TRIPPED ON', (row) => row.trippedOn.join(' ')],
    ['BLOCKS', (row) => row.blocks],
  ]);
}

async function formatBlocks({ sql }: Session, { id }: Network, { json }: ListingOptions): Promise<string> {
  return formatRows(await readBlocks(sql, id), { json, empty: 'nothing is blocked' }, [
    ['SOURCE', (row) => row.source],
    ['TIER', (row) => row.tier],
    ['UNTIL', (row) => formatTime(row.untilAt)],
    ['BY', (row) => row.author],
    ['REASON', (row) => row.reason],
  ]);
}
