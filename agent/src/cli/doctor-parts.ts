import type { EngineName } from '../doctor/engines.ts';
import type { SurveyFirewalls } from '../doctor/firewalls.ts';
import type { OpenFirewall } from '../doctor/hook/apart.ts';
import { createNftables } from '../firewall/nftables.ts';
import { pickFirewall, surveyFirewalls } from '../firewall/pick.ts';
import { readEphemeralPorts } from '../host/facts.ts';
import { rulesetPolicy } from '../policy/derive.ts';
import type { Policy } from '../policy/policy.ts';
import { UnavailableError } from '../policy/unavailable.ts';
import type { Runner } from '../run/runner.ts';
import { pickEngine } from '../watch/pick.ts';

/** What a doctor asks the choices of firewall and engine. Nothing is started or loaded by them. */
export interface DoctorParts {
  readonly survey: SurveyFirewalls;
  readonly openFirewall: OpenFirewall;
  readonly whyNotEngine: (engine: EngineName) => Promise<string | undefined>;
}

/** The parts for a policy on this host. */
export async function doctorParts(policy: Policy, run: Runner): Promise<DoctorParts> {
  const ephemeral = await readEphemeralPorts();
  const common = { run, now: Date.now, log: () => {} };
  const choose = (name: Policy['block']['firewall'], inside: Runner) => {
    const wanting = { ...policy, block: { ...policy.block, firewall: name } };
    return pickFirewall({
      ...common,
      policy: wanting,
      ruleset: rulesetPolicy(wanting, ephemeral, false),
      run: inside,
    });
  };
  return {
    survey: () => surveyFirewalls({ ...common, policy, ruleset: rulesetPolicy(policy, ephemeral, false) }),
    async openFirewall(name, inside) {
      if (name !== 'nftables') return choose(name as Policy['block']['firewall'], inside);
      // Not by the choice: every command of a trial has to go through the runner that leads into its namespace.
      const ruleset = rulesetPolicy(policy, ephemeral, false);
      return createNftables({ ...common, run: inside, policy: ruleset });
    },
    whyNotEngine(engine) {
      const wanting: Policy = { ...policy, watch: { ...policy.watch, engine } };
      return whyNot(
        pickEngine({ ...common, policy: wanting, ruleset: rulesetPolicy(wanting, ephemeral, true) }),
        `watch.engine = "${engine}": `,
      );
    },
  };
}

/** Why a choice cannot be had, without the words that name it. */
async function whyNot(choice: Promise<unknown>, prefix: string): Promise<string | undefined> {
  const error = await choice.then(
    () => undefined,
    (fault: Error) => fault,
  );
  if (error !== undefined && !(error instanceof UnavailableError)) throw error;
  return error?.message.replace(prefix, '');
}
