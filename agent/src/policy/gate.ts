import type { Address, PortRange, Source } from '@picket/protocol';
import type { GateRules } from '../detect/gate.ts';
import { evidenceRules, ignoredPorts } from './derive.ts';
import type { Policy } from './policy.ts';

/** The part of a policy that says which packets are probes, for engines that see them. */
export function gateRules(
  policy: Policy,
  ephemeral: PortRange,
  sourceOf: (address: Address) => Source,
): GateRules {
  const { threshold } = evidenceRules(policy);
  return {
    ignored: ignoredPorts(policy),
    ignoredInterfaces: policy.watch.ignore_interfaces,
    ephemeral,
    clientMs: threshold.window,
    sourceOf,
  };
}
