import { mergePortRanges, type PortRange, type Tier } from '@picket/protocol';
import type { EvidenceRules } from '../detect/rules.ts';
import type { RulesetPolicy } from '../nft/ruleset.ts';
import type { Policy } from './policy.ts';

const ALL_PORTS: readonly PortRange[] = [[0, 65_535]];

/** The part of a policy that the kernel's table carries out. */
export function rulesetPolicy(policy: Policy, ephemeral: PortRange, detects: boolean): RulesetPolicy {
  const { watch, threshold, block, kernel } = policy;
  return {
    threshold,
    holdMs: block.duration,
    nflogGroup: kernel.nflog_group,
    ignored: {
      tcp: union(complement(watch.tcp), watch.ignore_tcp),
      udp: union(complement(watch.udp), watch.ignore_udp),
    },
    ephemeral,
    detects,
  };
}

/** The part of a policy that says what evidence counts for. */
export function evidenceRules({ threshold }: Policy): EvidenceRules {
  const { tripwire_tcp: tcp, tripwire_udp: udp } = threshold;
  return { threshold, tripwires: { tcp, udp } };
}

/** How hard a source is refused: everything only on proven evidence, and only where the policy cuts connections. */
export function tierFor(policy: Policy, proven: boolean): Tier {
  return proven && policy.block.established === 'cut' ? 'dropped' : 'held';
}

/** The ports outside the given ascending ranges. */
function complement(ranges: readonly PortRange[]): PortRange[] {
  let rest: PortRange[] = [...ALL_PORTS];
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
