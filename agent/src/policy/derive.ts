import { mergePortRanges, type PortRange, type Tier, type Transport } from '@picket/protocol';
import type { PermitRules } from '../detect/permit.ts';
import type { EvidenceRules } from '../detect/rules.ts';
import type { RulesetPolicy } from '../nft/ruleset-policy.ts';
import { TRACEROUTE_UDP_PORTS } from './classic-ports.ts';
import type { Policy } from './policy.ts';

/** Longest name that Linux gives an interface (IFNAMSIZ without its end); nft refuses a table that names a longer one. */
const LINUX_NAME_MOST = 15;

/** Names that no interface of Linux has; illumos takes 31 characters. */
export function namesNoInterface({ watch }: Policy): string[] {
  return watch.ignore_interfaces.filter((name) => name.length > LINUX_NAME_MOST);
}

/** The part of a policy that the kernel's table carries out. */
export function rulesetPolicy(policy: Policy, ephemeral: PortRange, detects: boolean): RulesetPolicy {
  const { watch, block, kernel } = policy;
  return {
    evidence: evidenceRules(policy),
    permit: permitRules(policy),
    holdMs: block.duration,
    nflogGroup: kernel.nflog_group,
    ignored: ignoredPorts(policy),
    ignoredInterfaces: watch.ignore_interfaces.filter((name) => name.length <= LINUX_NAME_MOST),
    isSilent: watch.answer === 'silent',
    ephemeral,
    forwarded: block.forwarded,
    detects,
  };
}

/** Ports that are not counted, by transport: those not watched, those ignored, traceroute's; of `ip` the protocols. */
export function ignoredPorts({ watch }: Policy): Record<Transport, readonly PortRange[]> {
  return {
    tcp: union(complement(watch.tcp), watch.ignore_tcp),
    udp: union(union(complement(watch.udp), watch.ignore_udp), [TRACEROUTE_UDP_PORTS]),
    sctp: union(complement(watch.sctp), watch.ignore_sctp),
    ip: union(complement(watch.ip, 255), watch.ignore_ip),
  };
}

/** The part of a policy that says what evidence counts for. */
export function evidenceRules({ threshold }: Policy): EvidenceRules {
  const { tripwire_tcp: tcp, tripwire_udp: udp } = threshold;
  return { threshold, tripwires: { tcp, udp } };
}

/** The part of a policy that says what evidence may block whom. */
export function permitRules({ block }: Policy): PermitRules {
  const { evidence, new_per_minute, clients } = block;
  return { evidence, new_per_minute, clients };
}

/** How hard a source is refused: everything only on proven evidence, and only where the policy cuts connections. */
export function tierFor(policy: Policy, proven: boolean): Tier {
  return proven && policy.block.established === 'cut' ? 'dropped' : 'held';
}

/** The ports from 0 to `most` outside the given ascending ranges. */
export function complement(ranges: readonly PortRange[], most = 65_535): PortRange[] {
  let rest: PortRange[] = [[0, most]];
  for (const [from, to] of ranges) {
    rest = rest.flatMap(([a, b]) => {
      const below: PortRange[] = from > a ? [[a, Math.min(b, from - 1)]] : [];
      const above: PortRange[] = to < b ? [[Math.max(a, to + 1), b]] : [];
      return to < a || from > b ? [[a, b]] : [...below, ...above];
    });
  }
  return rest;
}

function union(a: readonly PortRange[], b: readonly PortRange[]): PortRange[] {
  return mergePortRanges([a, b], Number.POSITIVE_INFINITY);
}
