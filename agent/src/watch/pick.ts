import type { RulesetPolicy } from '../nft/ruleset-policy.ts';
import type { Policy } from '../policy/policy.ts';
import { UnavailableError } from '../policy/unavailable.ts';
import { nftCheck } from '../run/nft-check.ts';
import type { Runner } from '../run/runner.ts';
import { createConnectEngine } from './connect.ts';
import type { Engine } from './engine.ts';
import { createKernelEngine } from './kernel.ts';

/** What a choice of engine needs. */
export interface EngineChoice {
  readonly policy: Policy;
  /** The table as the kernel engine would load it. */
  readonly ruleset: RulesetPolicy;
  readonly run: Runner;
  readonly now: () => number;
  readonly log: (message: string) => void;
}

/**
 * The engine that the policy asks for, or with `auto` the best that works here, saying why not a better one.
 *
 * @throws UnavailableError when the policy names an engine that does not work here
 */
export async function pickEngine(choice: EngineChoice): Promise<Engine> {
  const { policy, ruleset, run, now, log } = choice;
  const wanted = policy.watch.engine;
  const refusal = wanted === 'connect' ? 'not asked for' : await whyNotKernel(choice);
  if (refusal === undefined) return createKernelEngine({ run, ruleset, log, now });
  if (wanted === 'kernel') throw new UnavailableError(`watch.engine = "kernel": ${refusal}`);
  if (wanted === 'auto')
    log(`watching by bound ports only: the kernel engine does not work here: ${refusal}`);
  return createConnectEngine({ ...policy.connect, log, now });
}

/** Why the kernel engine does not work on this host, or undefined when it does. */
async function whyNotKernel({ policy, ruleset, run }: EngineChoice): Promise<string | undefined> {
  if (process.platform !== 'linux') return `this system is ${process.platform}; the engine is Linux's`;
  if (policy.block.firewall === 'log-only') return 'it blocks by itself, and block.firewall is "log-only"';
  const tcpdump = await run({ argv: ['tcpdump', '--version'] }).catch((error: Error) => error);
  if (tcpdump instanceof Error) return `${tcpdump.message}; install the package tcpdump`;
  return nftCheck(run, ruleset);
}
