import { TABLE } from '../nft/names.ts';
import type { Runner } from '../run/runner.ts';

/**
 * Removes the table of the kernel: nothing is watched or blocked any more. Works without a config, and when there is
 * nothing to remove.
 *
 * @returns the exit status
 */
export async function downCommand(run: Runner): Promise<number> {
  const stdin = `add table ${TABLE}\ndelete table ${TABLE}\n`;
  const { status, stderr } = await run({ argv: ['nft', '-f', '-'], stdin });
  if (status === 0) {
    process.stdout.write('Picket has nothing in the firewall now.\n');
    return 0;
  }
  process.stderr.write(`picket-agent: the table could not be removed: ${stderr.trim()}\n`);
  return 1;
}
