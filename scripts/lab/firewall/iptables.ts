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
