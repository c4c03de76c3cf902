import { rm } from 'node:fs/promises';
import { bookPath } from '../blocks/book.ts';
import { REMOVAL } from '../nft/ruleset.ts';
import type { Policy } from '../policy/policy.ts';
import type { Runner } from '../run/runner.ts';
import { onEveryFirewall } from './every-firewall.ts';

/**
 * Removes all that Picket has in any firewall that works here, and the book of blocks: nothing is watched or blocked any
 * more, and the next start blocks nobody for what was. Works when there is nothing to remove. An agent that runs would
 * make its own again: it is to be stopped first.
 *
 * @returns the exit status
 */
export async function downCommand(policy: Policy, run: Runner): Promise<number> {
  const outcome = await onEveryFirewall(policy, run, { table: [REMOVAL] });
  if (outcome.ok) {
    await rm(bookPath(policy.state_dir), { force: true });
    process.stdout.write(
      'Picket has nothing in the firewall now. An agent that still runs puts it back: stop it first.\n',
    );
    return 0;
  }
  process.stderr.write(`picket-agent: not all could be removed: ${outcome.why}\n`);
  return 1;
}
