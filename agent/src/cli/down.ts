import { rm } from 'node:fs/promises';
import { REMOVAL } from '../nft/ruleset.ts';
import type { Runner } from '../run/runner.ts';

/**
 * Removes the table of the kernel and the book of blocks: nothing is watched or blocked any more, and the next start
 * blocks nobody for what was. Works when there is nothing to remove. An agent that runs would make its table again: it
 * is to be stopped first.
 *
 * @param book file of the local blocks
 * @returns the exit status
 */
export async function downCommand(run: Runner, book: string): Promise<number> {
  const { status, stderr } = await run({ argv: ['nft', '-f', '-'], stdin: REMOVAL });
  if (status === 0) {
    await rm(book, { force: true });
    process.stdout.write(
      'Picket has nothing in the firewall now. An agent that still runs puts it back: stop it first.\n',
    );
    return 0;
  }
  process.stderr.write(`picket-agent: the table could not be removed: ${stderr.trim()}\n`);
  return 1;
}
