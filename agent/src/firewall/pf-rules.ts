import { ENTRY_TABLES, type EntryTable } from './entry-tables.ts';

/** The anchor that holds all rules and tables; the main rules are never loaded. */
export const ANCHOR = 'picket';

/** What of a host is covered. */
export interface PfOptions {
  /** Whether what is forwarded is covered too; else only what is for an address of the host. */
  readonly forwarded: boolean;
}

/**
 * Protocols refused of IPv6. Not all of them: neighbour discovery (RFC 4861) is ICMPv6 and no connection, and without it
 * the connections that a neighbour has would die. Names are those of every system's /etc/protocols.
 */
const PROTOCOLS6 = ['proto { tcp, udp, sctp }', 'proto ipv6-icmp'];
const ECHO6 = 'icmp6-type 128';

/**
 * What is loaded into the anchor. Loading it again keeps the tables' addresses: a table without an initial list is left
 * as it is (pf.conf(5)). `counters` only where they are read: they cost memory for each address.
 */
export function anchorRules({ forwarded }: PfOptions): string {
  const lines = ENTRY_TABLES.flatMap((table) => [definition(table), ...refusals(table, forwarded)]);
  // Tables must be defined before rules (`set require-order`).
  const [tables, rules] = [
    lines.filter((l) => l.startsWith('table')),
    lines.filter((l) => !l.startsWith('table')),
  ];
  return `${[...tables, ...rules].join('\n')}\n`;
}

function definition({ name, origin }: EntryTable): string {
  return `table <${name}> persist${origin === 'local' ? ' counters' : ''}`;
}

/**
 * A source in any table makes no new connection: packets of connections with a state do not reach rules. What is
 * `dropped` is not spoken to either.
 */
function refusals({ name, tier }: EntryTable, forwarded: boolean): string[] {
  const [here, self] = forwarded ? ['any', 'any'] : ['(self)', '(self)'];
  const arriving = both('in', `from <${name}> to ${here}`);
  return tier === 'held' ? arriving : [...arriving, ...both('out', `from ${self} to <${name}>`)];
}

function both(direction: 'in' | 'out', between: string): string[] {
  const [ports = '', icmp = ''] = PROTOCOLS6;
  const block = `block drop ${direction} quick`;
  return [
    `${block} inet ${between}`,
    `${block} inet6 ${ports} ${between}`,
    `${block} inet6 ${icmp} ${between} ${ECHO6}`,
  ];
}

/** Whether the anchor's rules, as pfctl prints them, refuse the sources of every table. */
export function areWhole(rules: string): boolean {
  const lines = rules.split('\n').filter((line) => line.startsWith('block drop '));
  return ENTRY_TABLES.every(({ name, tier }) => {
    const arriving = lines.filter((l) => l.includes(' in quick ') && l.includes(`from <${name}`));
    const leaving = lines.filter((l) => l.includes(' out quick ') && l.includes(`to <${name}`));
    return arriving.length > 0 && (tier === 'held' || leaving.length > 0);
  });
}
