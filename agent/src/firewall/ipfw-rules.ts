import { ENTRY_TABLES } from './entry-tables.ts';

/** What of a host is covered. */
export interface IpfwOptions {
  /** Whether what is forwarded is covered too; else only what is for an address of the host. */
  readonly forwarded: boolean;
}

/**
 * The one number of all our rules: several may have the same, and the first number comes before every rule of an
 * administrator's. `skipto` the next number leaves ours and nobody else's out.
 */
export const RULE = 1;
const AFTER = RULE + 1;

/** Set of the rules in force, and the set in which the next ones are made ready. Set 31 is the kernel's own. */
export const RULE_SET = 29;
export const NEXT_SET = 28;

/** Ends each of our rules when ipfw lists it, and is how they are known. */
export const MARK = '// picket';

/**
 * Bodies of our rules, in order. ipfw's own states are the administrator's, so `held` is told from the packets: TCP by
 * its first one, UDP by states of our own name, which begin when the host itself speaks to a held source and let that
 * conversation go on. Neighbour discovery (RFC 4861) is left to the administrator's rules.
 */
export function ruleBodies({ forwarded }: IpfwOptions): string[] {
  const here = forwarded ? 'any' : 'me';
  const tables = (tier: 'held' | 'dropped') =>
    ENTRY_TABLES.filter((t) => t.tier === tier).map(({ name }) => name);
  const each = (tier: 'held' | 'dropped', body: (table: string) => string) =>
    tables(tier).map((name) => body(`table(${name})`));
  return [
    `skipto ${AFTER} ip from any to any via lo0`,
    `skipto ${AFTER} ipv6-icmp from any to any icmp6types 133,134,135,136`,
    ...each('dropped', (table) => `deny ip from ${table} to ${here} in`),
    ...each('dropped', (table) => `deny ip from ${here} to ${table} out`),
    'check-state :picket',
    ...each('held', (table) => `skipto ${AFTER} udp from ${here} to ${table} out keep-state :picket`),
    ...each('held', (table) => `deny tcp from ${table} to ${here} in setup`),
    ...each('held', (table) => `deny udp from ${table} to ${here} in`),
    ...each('held', (table) => `deny icmp from ${table} to ${here} in icmptypes 8`),
    ...each('held', (table) => `deny ipv6-icmp from ${table} to ${here} in icmp6types 128`),
  ];
}

/** Our rules, for the set that is not in force. */
export function additions(options: IpfwOptions): string[] {
  return ruleBodies(options).map((body) => `add ${RULE} set ${NEXT_SET} ${body} ${MARK}`);
}

/**
 * What puts our rules in force in place of those before, in one step: they are made ready in a set that is disabled, and
 * the sets change places.
 */
export function swapIn(options: IpfwOptions): string[] {
  return [
    `delete set ${NEXT_SET}`,
    `set disable ${NEXT_SET}`,
    ...additions(options),
    `set swap ${NEXT_SET} ${RULE_SET}`,
    `set enable ${RULE_SET}`,
    `delete set ${NEXT_SET}`,
    `set enable ${NEXT_SET}`,
  ];
}

/** Whether ipfw lists as many of our rules as there are, with every table in one. */
export function areWhole(listed: string, options: IpfwOptions): boolean {
  const ours = listed.split('\n').filter((line) => line.trimEnd().endsWith(MARK));
  const isNamed = ({ name }: { name: string }) => ours.some((line) => line.includes(`table(${name})`));
  return ours.length === ruleBodies(options).length && ENTRY_TABLES.every(isNamed);
}
