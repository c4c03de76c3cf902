import { formatJoinKey } from '@picket/protocol';
import { type Command, Option } from 'commander';
import { createSigner, generateCollectorKey } from '../../signer.ts';
import { ensureCollectorKey } from '../../store/collector-key.ts';
import { addJoinToken } from '../../store/join-tokens.ts';
import { isPlainToOthers } from '../config.ts';
import { countUpTo, durationUpTo } from './argument.ts';
import { formatTime } from './format.ts';
import { type Console, networkOf, type Session, withSession } from './session.ts';

/** A fleet larger than this joins with more than one key. */
const MAX_USES = 100_000;

/** A key that is valid for longer is a password that nobody remembers, ms (one year). */
const MAX_VALID_MS = 365 * 86_400_000;

/** `picket join-key`. */
export function addJoinKeyCommand(program: Command, console: Console): void {
  program
    .command('join-key')
    .description('make a join key: all that a host needs to join a network')
    .argument('<network>', 'name or id')
    .option('--uses <count>', 'how many hosts may join with it', countUpTo(MAX_USES), 1)
    .addOption(
      new Option('--expires <duration>', 'how long it is valid')
        .argParser(durationUpTo(MAX_VALID_MS))
        .default(86_400_000, '24h'),
    )
    .action((name: string, { uses, expires }: { uses: number; expires: number }) =>
      withSession(console, async (session) => {
        const network = await networkOf(session, name);
        const expiresAtMs = session.nowMs + expires;
        const joinKey = await makeJoinKey(session, { networkId: network.id, maxUses: uses, expiresAtMs });
        const hosts = uses === 1 ? 'one host' : `${uses} hosts`;
        session.print(joinKey);
        session.print(
          `\nValid for ${hosts} until ${formatTime(new Date(expiresAtMs))}. It is shown this once.`,
        );
        session.print('On the host, then paste the join key when asked:\n');
        session.print(`  ${installLine(session.config.publicUrl)}`);
      }),
    );
}

async function makeJoinKey(
  { sql, config, who }: Session,
  token: { networkId: string; maxUses: number; expiresAtMs: number },
): Promise<string> {
  const { collectorId, thumbprint } = await createSigner(
    await ensureCollectorKey(sql, await generateCollectorKey()),
  );
  const { networkId } = token;
  return formatJoinKey({
    ...{ url: config.publicUrl, collectorId, thumbprint, networkId },
    token: await addJoinToken(sql, { ...token, who }),
  });
}

/** The join key is not part of the line: process lists and shell histories keep arguments. */
function installLine(publicUrl: string): string {
  return `curl -fsSL ${publicUrl}/install.sh | sudo sh${isPlainToOthers(publicUrl) ? ' -s -- --insecure-http' : ''}`;
}
