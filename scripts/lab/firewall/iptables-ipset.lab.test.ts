import { iptablesIpset } from '@picket/agent/firewall/iptables-ipset';
import type { Run } from './filter-tests.ts';
import { filterTests } from './filter-tests.ts';
import { CHAIN_DAMAGES, FLUSHES, legacy, OTHERS, ownRules, rulesMet, rulesOf } from './iptables.ts';

/** Elements of the sets that rules which a packet meets ask, with one end. */
async function named(run: Run, target: 'DROP' | 'RETURN'): Promise<string[]> {
  const rules = rulesMet(await rulesOf(run)).filter((rule) => rule.endsWith(` -j ${target}`));
  const sets = new Set(rules.map((rule) => /--match-set (\S+) src/.exec(rule)?.[1]));
  const elements = (await run('ipset', 'save')).matchAll(/^add (\S+) (\S+)/gm);
  return [...new Set([...elements].flatMap(([, set, element = '']) => (sets.has(set) ? [element] : [])))];
}

async function ownElements(run: Run): Promise<string> {
  const lines = (await run('ipset', 'save')).matchAll(/^(?:create|add) picket_\S+(?: (?!family)\S+)?/gm);
  return [...lines]
    .map(([line]) => line)
    .sort()
    .join('\n');
}

for (const [make, renamed] of Object.entries({ nf_tables: (p: string) => p, legacy })) {
  filterTests({
    name: `iptables (${make}) with ipset`,
    commands: iptablesIpset({ forwarded: true, families: [4, 6] }),
    renamed,
    refused: (run) => named(run, 'DROP'),
    allowed: (run) => named(run, 'RETURN'),
    ours: async (run) => [await ownRules(run), await ownElements(run)].filter(Boolean).join('\n'),
    ends: async (run) => {
      const elements = (await run('ipset', 'save')).matchAll(/^add picket_\S+ (\S+) timeout (\d+)/gm);
      return [...elements].map(([, source = '', s]) => [source, Date.now() + Number(s) * 1_000] as const);
    },
    damages: [
      ...FLUSHES,
      ...CHAIN_DAMAGES,
      ['ipset', 'flush'],
      ['ipset', 'add', 'picket_allow4', '198.51.100.0/24'],
      ['ipset', 'del', 'picket_local_held4', '198.51.100.7'],
      ['ipset', 'del', 'picket_shared_held4', '192.0.2.0/24'],
    ],
    flushes: [...FLUSHES, ['ipset', 'flush', 'picket_local_held4']],
    others: [...OTHERS, ['ipset', '-exist', 'create', 'friends', 'hash:ip']],
    everything: async (run) => `${await rulesOf(run)}${(await run('ipset', 'list', '-n')).trim()}`,
  });
}
