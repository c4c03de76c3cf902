import type { Firewall } from '../firewall/firewall.ts';
import { pickFirewall } from '../firewall/pick.ts';
import { clearOthers } from '../firewall/pick-leftovers.ts';
import { readEphemeralPorts } from '../host/facts.ts';
import { namesNoInterface, rulesetPolicy } from '../policy/derive.ts';
import type { Policy } from '../policy/policy.ts';
import type { Log } from '../report/log.ts';
import { runCommand } from '../run/runner.ts';
import type { Engine } from '../watch/engine.ts';
import { pickEngine } from '../watch/pick.ts';

/** What a policy gets on this host. */
export interface Parts {
  readonly engine: Engine;
  readonly firewall: Firewall;
  /** Removes what agents of before left in other firewalls, once this one is open; never throws. */
  readonly clearOthers: () => Promise<void>;
}

/** The engine and the firewall that a policy gets on this host. Nothing is started or loaded yet. */
export async function chooseParts(policy: Policy, log: Log): Promise<Parts> {
  const ephemeral = await readEphemeralPorts();
  const common = { policy, run: runCommand, now: Date.now, log: (message: string) => log.warn(message) };
  const engine = await pickEngine({ ...common, ruleset: rulesetPolicy(policy, ephemeral, true) });
  if (engine.name === 'kernel')
    for (const name of namesNoInterface(policy))
      log.warn('watch.ignore_interfaces: no interface of Linux has such a long name; it is left out', {
        name,
      });
  const ruleset = rulesetPolicy(policy, ephemeral, engine.name === 'kernel');
  const choice = { ...common, ruleset };
  const firewall = await pickFirewall({ ...choice, mayStay: true });
  // The kernel engine counts in the nftables table.
  const used = engine.name === 'kernel' ? `${firewall.name}+nftables` : firewall.name;
  return { engine, firewall, clearOthers: () => clearOthers(choice, used) };
}
