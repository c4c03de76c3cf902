import type { RulesetPolicy } from '../nft/ruleset-policy.ts';
import type { Policy } from '../policy/policy.ts';
import { UnavailableError } from '../policy/unavailable.ts';
import { nftCheck } from '../run/nft-check.ts';
import { createNftSession } from '../run/nft-session.ts';
import type { Runner } from '../run/runner.ts';
import type { Firewall } from './firewall.ts';
import { createLogOnly } from './log-only.ts';
import { createNftables } from './nftables.ts';

/** What a choice of backend needs. */
export interface FirewallChoice {
  readonly policy: Policy;
  readonly ruleset: RulesetPolicy;
  readonly run: Runner;
  readonly now: () => number;
  readonly log: (message: string) => void;
}

/**
 * The backend that the policy asks for, or with `auto` the best that works here, saying why not a better one.
 *
 * @throws UnavailableError when the policy names a backend that does not work here
 */
export async function pickFirewall(choice: FirewallChoice): Promise<Firewall> {
  const { policy, ruleset, run, now, log } = choice;
  const wanted = policy.block.firewall;
  const refusal = wanted === 'log-only' ? undefined : await whyNotNftables(run, ruleset);
  if (wanted !== 'log-only' && refusal === undefined) {
    const session = createNftSession({ log });
    return createNftables({ run: session.run, session, now, policy: ruleset, log });
  }
  if (wanted === 'nftables') throw new UnavailableError(`block.firewall = "nftables": ${refusal}`);
  if (refusal !== undefined) log(`no blocking on this host, only telling: nftables: ${refusal}`);
  return createLogOnly(log);
}

/** Why the backend does not work on this host, or undefined when it does. */
async function whyNotNftables(run: Runner, ruleset: RulesetPolicy): Promise<string | undefined> {
  if (process.platform !== 'linux') return `this system is ${process.platform}; nftables is Linux's`;
  return nftCheck(run, ruleset);
}
