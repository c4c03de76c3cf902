import { renderRuleset } from '../nft/ruleset.ts';
import type { RulesetPolicy } from '../nft/ruleset-policy.ts';
import { RunError, type Runner } from './runner.ts';

/**
 * Lets nft and the kernel judge the table without loading it (`nft --check`): permissions, and every expression that
 * this kernel may lack.
 *
 * @returns why the table cannot be loaded, or undefined when it can
 */
export async function nftCheck(run: Runner, policy: RulesetPolicy): Promise<string | undefined> {
  const command = { argv: ['nft', '--check', '-f', '-'], stdin: renderRuleset(policy, true) } as const;
  const outcome = await run(command).catch((error: Error) => error);
  if (outcome instanceof RunError && outcome.code === 'timed_out')
    return `${outcome.message}: it takes too long to read a table with so many single ports; write them as ranges`;
  if (outcome instanceof Error) return `${outcome.message}; install the package nftables`;
  if (outcome.status === 0) return undefined;
  return outcome.stderr.trim().split('\n')[0] || `nft --check: exit status ${outcome.status}`;
}
