import { iptablesRules } from '@picket/agent/firewall/iptables';
import { parseSource } from '@picket/protocol';
import { filterTests } from './filter-tests.ts';
import { FLUSHES, legacy, OTHERS, rulesOf } from './iptables.ts';

for (const [make, renamed] of Object.entries({ nf_tables: (p: string) => p, legacy })) {
  filterTests({
    name: `iptables (${make}) alone`,
    commands: iptablesRules({ forwarded: true, families: [4, 6] }),
    renamed,
    refused: async (run) => {
      const rules = (await rulesOf(run)).matchAll(/^-A PICKET\S+ -s (\S+) -j DROP$/gm);
      return [...new Set([...rules].map(([, source = '']) => parseSource(source) ?? source))];
    },
    flushes: FLUSHES,
    others: OTHERS,
    everything: rulesOf,
  });
}
