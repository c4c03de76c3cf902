import type { Firewall } from '../firewall/firewall.ts';
import { pickFirewall } from '../firewall/pick.ts';
import { readEphemeralPorts } from '../host/facts.ts';
import { namesNoInterface, rulesetPolicy } from '../policy/derive.ts';
import type { Policy } from '../policy/policy.ts';
import type { Log } from '../report/log.ts';
import { runCommand } from '../run/runner.ts';
import type { Engine } from '../watch/engine.ts';
import { pickEngine } from '../watch/pick.ts';

/** The engine and the firewall that a policy gets on this host. Nothing is started or loaded yet. */
export async function chooseParts(policy: Policy, log: Log): Promise<{ engine: Engine; firewall: Firewall }> {
  const ephemeral = await readEphemeralPorts();
  const common = { policy, run: runCommand, now: Date.now, log: (message: string) => log.warn(message) };
  const engine = await pickEngine({ ...common, ruleset: rulesetPolicy(policy, ephemeral, true) });
  if (engine.name === 'kernel')
    for (const name of namesNoInterface(policy))
      log.warn('watch.ignore_interfaces: no interface of Linux has such a long name; it is left out', {
        name,
      });
  const ruleset = rulesetPolicy(policy, ephemeral, engine.name === 'kernel');
  return { engine, firewall: await pickFirewall({ ...common, ruleset }) };
}
