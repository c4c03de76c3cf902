import type { RulesetPolicy } from '../nft/ruleset-policy.ts';
import type { FIREWALLS, Policy } from '../policy/policy.ts';
import type { Runner } from '../run/runner.ts';
import type { EntryCommands } from './entries.ts';
import type { Firewall } from './firewall.ts';

/** What a choice of backend needs. */
export interface FirewallChoice {
  readonly policy: Policy;
  readonly ruleset: RulesetPolicy;
  readonly run: Runner;
  /**
   * Whether programs may stay to make small changes. They start where this process is, whatever `run` does: for who
   * closes the firewall in the end, and never for trials elsewhere.
   */
  readonly mayStay?: boolean;
  readonly now: () => number;
  readonly log: (message: string) => void;
}

/** A backend that may be chosen. */
export interface Candidate {
  readonly name: (typeof FIREWALLS)[number];
  /** Systems that it is for, as Node names them; all when absent. */
  readonly systems?: readonly NodeJS.Platform[];
  /** Not taken by `auto`. */
  readonly onlyByName?: boolean;
  /** Why it does not work on this host, or undefined when it does. Tried without changing anything. */
  whyNot(choice: FirewallChoice): Promise<string | undefined>;
  /** What who chooses it should know. */
  warning?(choice: FirewallChoice): Promise<string | undefined>;
  /** A backend that holds a list of sources; or `create` for one of another kind. */
  commands?(choice: FirewallChoice): Promise<EntryCommands>;
  create?(choice: FirewallChoice): Firewall;
}
