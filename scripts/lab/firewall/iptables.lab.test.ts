import { iptablesRules } from '@picket/agent/firewall/iptables';
import { parseSource } from '@picket/protocol';
import { filterTests } from './filter-tests.ts';
import { CHAIN_DAMAGES, FLUSHES, legacy, OTHERS, ownRules, rulesMet, rulesOf } from './iptables.ts';

/** Sources of rules that a packet meets, with one end. */
function named(saved: string, target: 'DROP' | 'RETURN'): string[] {
  const rules = rulesMet(saved).flatMap((rule) => {
    const [, source = '', end] = /^-A PICKET\S+ -s (\S+) -j (DROP|RETURN)$/.exec(rule) ?? [];
    return end === target ? [parseSource(source) ?? source] : [];
  });
  return [...new Set(rules)];
}

for (const [make, renamed] of Object.entries({ nf_tables: (p: string) => p, legacy })) {
  filterTests({
    name: `iptables (${make}) alone`,
    commands: iptablesRules({ forwarded: true, families: [4, 6] }),
    renamed,
    refused: async (run) => named(await rulesOf(run), 'DROP'),
    allowed: async (run) => named(await rulesOf(run), 'RETURN'),
    ours: ownRules,
    damages: [
      ...FLUSHES,
      ...CHAIN_DAMAGES,
      ['iptables', '-t', 'mangle', '-F', 'PICKET_HELD_LOCAL'],
      ['iptables', '-t', 'mangle', '-D', 'PICKET_HELD_SHARED', '-s', '192.0.2.0/24', '-j', 'DROP'],
      ['ip6tables', '-t', 'mangle', '-D', 'PICKET_HELD', '-j', 'PICKET_HELD_SHARED'],
      ['iptables', '-t', 'mangle', '-I', 'PICKET_HELD_LOCAL', '-s', '198.51.100.0/24', '-j', 'RETURN'],
    ],
    flushes: FLUSHES,
    others: OTHERS,
    everything: rulesOf,
  });
}
