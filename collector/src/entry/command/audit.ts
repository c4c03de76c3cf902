import { type Command, Option } from 'commander';
import { readAudit } from '../../store/audit.ts';
import { countUpTo, durationUpTo } from './argument.ts';
import { formatRows, formatTime } from './format.ts';
import { type Console, networkOf, withSession } from './session.ts';

/** Longest look back, ms: ten years. */
const MAX_SINCE_MS = 3653 * 86_400_000;

/** `picket audit`. */
export function addAuditCommand(program: Command, console: Console): void {
  program
    .command('audit')
    .description(
      'list administrative acts, the newest last: of one network, or of all and the collector itself',
    )
    .argument('[network]', 'name or id')
    .addOption(
      new Option('--since <duration>', 'how far back')
        .argParser(durationUpTo(MAX_SINCE_MS))
        .default(30 * 86_400_000, '30d'),
    )
    .option('--most <count>', 'how many', countUpTo(100_000), 1_000)
    .option('--json', 'for programs')
    .action((name: string | undefined, options: { since: number; most: number; json?: boolean }) =>
      withSession(console, async (session) => {
        const networkId = name === undefined ? undefined : (await networkOf(session, name)).id;
        const { since, most, json } = options;
        const rows = await readAudit(session.sql, { networkId, sinceMs: session.nowMs - since, most });
        session.print(
          formatRows(rows, { json, empty: 'no act in this time' }, [
            ['AT', (row) => formatTime(row.at)],
            ['NETWORK', (row) => row.network],
            ['WHO', (row) => row.who],
            ['ACT', (row) => row.act],
            ['SUBJECT', (row) => row.subject],
            ['DETAILS', (row) => JSON.stringify(row.details)],
          ]),
        );
      }),
    );
}
