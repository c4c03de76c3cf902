import { REMOVAL, renderRuleset } from '../nft/ruleset.ts';
import type { RulesetPolicy } from '../nft/ruleset-policy.ts';
import { RunError, type Runner } from './runner.ts';

/**
 * Lets nft and the kernel judge the table without loading it (`nft --check`): permissions, and every expression that
 * this kernel may lack.
 *
 * @returns why the table cannot be loaded, or undefined when it can
 */
export async function nftCheck(run: Runner, policy: RulesetPolicy): Promise<string | undefined> {
  const check = (stdin: string) =>
    run({ argv: ['nft', '--check', '-f', '-'], stdin }).catch((error: Error) => error);
  const table = renderRuleset(policy, true);
  let outcome = await check(table);
  // A table of another version, or of somebody else, may be in the way: then ours is made anew in its place.
  if (!(outcome instanceof Error) && outcome.status !== 0) outcome = await check(`${REMOVAL}${table}`);
  if (outcome instanceof RunError && outcome.code === 'timed_out')
    return `${outcome.message}: it takes too long to read a table with so many single ports; write them as ranges`;
  if (outcome instanceof Error) return `${outcome.message}; install the package nftables`;
  if (outcome.status === 0) return undefined;
  return outcome.stderr.trim().split('\n')[0] || `nft --check: exit status ${outcome.status}`;
}
