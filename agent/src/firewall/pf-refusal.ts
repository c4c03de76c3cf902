import { ANCHOR } from './pf-rules.ts';

/** How an administrator changes pf's rules, by system. */
export interface PfSystem {
  /** The file of the main rules. */
  readonly file: string;
  /** What puts the file in force. */
  readonly reload: string;
  /** What turns pf on, now and at each start. */
  readonly enable: string;
}

/** The systems that have pf. */
export const PF_SYSTEMS: Readonly<Record<'freebsd' | 'openbsd' | 'sunos', PfSystem>> = {
  freebsd: {
    file: '/etc/pf.conf',
    reload: 'service pf reload',
    enable: 'sysrc pf_enable=YES && service pf start',
  },
  openbsd: {
    file: '/etc/pf.conf',
    reload: 'pfctl -f /etc/pf.conf',
    enable: 'rcctl enable pf && pfctl -e -f /etc/pf.conf',
  },
  sunos: {
    file: '/etc/firewall/pf.conf',
    reload: 'svcadm refresh network/firewall',
    enable: 'svcadm enable network/firewall',
  },
};

/**
 * Why blocks would be on paper only, as far as only an administrator can change it: pf is off, the main rules do not ask
 * the anchor, or they pass packets without a state, so that a held source would lose the connections that it has.
 *
 * @param info what `pfctl -s info` prints
 * @param rules what `pfctl -s rules` prints: the main rules
 */
export function pfRefusal(system: PfSystem, info: string, rules: string): string | undefined {
  if (!/^Status: Enabled/m.test(info))
    return `pf is not enabled; an administrator enables it: ${system.enable}`;
  const lines = rules.split('\n').map((line) => line.trim());
  if (!lines.some(asksAnchor)) return missing(system, `anchor "${ANCHOR}"`, 'before the first "quick" rule');
  if (!lines.some(keepsState))
    return missing(system, 'pass', 'as the first filter rule, so that connections get states');
  return undefined;
}

/**
 * A main rule that passes packets for good before the anchor is asked, as pfctl prints it: what it passes is not blocked.
 *
 * @param rules what `pfctl -s rules` prints: the main rules
 */
export function passesBefore(rules: string): string | undefined {
  const lines = rules.split('\n').map((line) => line.trim());
  const before = lines.slice(0, Math.max(0, lines.findIndex(asksAnchor)));
  return before.find((line) => /^pass (?!out\b)(?:.* )?quick\b/.test(line) && !/ on lo\d* /.test(line));
}

function missing({ file, reload }: PfSystem, line: string, where: string): string {
  return `the main rules lack a line that an administrator adds to ${file}, ${where}: ${line} (then: ${reload})`;
}

/** An anchor of this name or of every name that is asked for arriving packets, on some interface or on all. */
function asksAnchor(line: string): boolean {
  const [, name, rest = ''] = /^anchor "([^"]*)"(.*)$/.exec(line) ?? [];
  return (name === ANCHOR || name === '*') && !/^ out\b/.test(rest);
}

/** FreeBSD prints `keep state`; OpenBSD leaves it out, since it is the default of `pass` (pf.conf(5)). */
function keepsState(line: string): boolean {
  return line.startsWith('pass ') && !/ no state\b/.test(line);
}
