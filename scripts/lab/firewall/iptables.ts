import type { Run } from './filter-tests.ts';

/** The make of iptables that speaks to the older interface of the kernel, under Debian's name. */
export const legacy = (program: string): string => program.replace(/^(ip6?tables)/, '$1-legacy');

/** What administrators' scripts begin with. */
export const FLUSHES = [
  ['iptables', '-t', 'mangle', '-F'],
  ['iptables', '-t', 'mangle', '-D', 'PREROUTING', '-j', 'PICKET_HELD'],
] as const;

/** Rules of an administrator, in tables that Picket uses too. */
export const OTHERS = [
  ['iptables', '-t', 'raw', '-A', 'PREROUTING', '-s', '192.0.2.1', '-j', 'ACCEPT'],
  ['iptables', '-A', 'INPUT', '-p', 'tcp', '--dport', '9', '-j', 'ACCEPT'],
  ['ip6tables', '-t', 'mangle', '-N', 'MINE'],
] as const;

/** What others do to the chains that Picket has called, beside {@link FLUSHES}. */
export const CHAIN_DAMAGES = [
  ['ip6tables', '-t', 'mangle', '-F', 'PICKET_HELD'],
  ['iptables', '-t', 'raw', '-D', 'PREROUTING', '-j', 'PICKET_DROPPED'],
  ['iptables', '-t', 'mangle', '-I', 'PICKET_HELD', '1', '-s', '198.51.100.7', '-j', 'RETURN'],
  ['iptables', '-t', 'raw', '-I', 'PICKET_DROPPED', '-p', 'tcp', '--dport', '22', '-j', 'ACCEPT'],
  ['ip6tables', '-t', 'mangle', '-A', 'PICKET_HELD', '-j', 'RETURN'],
] as const;

/** A chain's rules that are met by packets which come in, in their order: those of chains that they go on to as well. */
export function rulesMet(saved: string, chain = 'PREROUTING'): string[] {
  return saved
    .split('\n')
    .filter((line) => line.startsWith(`-A ${chain} `))
    .flatMap((line) => {
      const [, next] = / -j (PICKET\S+)$/.exec(line) ?? [];
      return next === undefined ? [line] : rulesMet(saved, next);
    });
}

/** What of all rules is Picket's own. */
export async function ownRules(run: Run): Promise<string> {
  const rules = await rulesOf(run);
  return rules
    .split('\n')
    .filter((line) => line.includes('PICKET'))
    .sort()
    .join('\n');
}

/** All rules of both families, without counters and comments. */
export async function rulesOf(run: Run): Promise<string> {
  const both = [await run('iptables-save'), await run('ip6tables-save')];
  const lines = both.join('').split('\n');
  // A table that nobody asked for yet is not printed: an empty one says no more.
  return lines
    .filter((line) => line.startsWith('-A') || /^:\S+ - /.test(line))
    .join('\n')
    .replaceAll(/ \[\d+:\d+\]/g, '');
}
