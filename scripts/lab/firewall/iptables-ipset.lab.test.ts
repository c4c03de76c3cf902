import { iptablesIpset } from '@picket/agent/firewall/iptables-ipset';
import { filterTests } from './filter-tests.ts';
import { FLUSHES, legacy, OTHERS, rulesOf } from './iptables.ts';

for (const [make, renamed] of Object.entries({ nf_tables: (p: string) => p, legacy })) {
  filterTests({
    name: `iptables (${make}) with ipset`,
    commands: iptablesIpset({ forwarded: true, families: [4, 6] }),
    renamed,
    refused: async (run) => {
      const elements = (await run('ipset', 'save')).matchAll(/^add picket_(?:local|shared)\S+ (\S+)/gm);
      return [...new Set([...elements].map(([, source = '']) => source))];
    },
    flushes: [...FLUSHES, ['ipset', 'flush', 'picket_local_held4']],
    others: [...OTHERS, ['ipset', '-exist', 'create', 'friends', 'hash:ip']],
    everything: async (run) => `${await rulesOf(run)}${(await run('ipset', 'list', '-n')).trim()}`,
  });
}
