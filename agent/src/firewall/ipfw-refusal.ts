import { MARK, NEXT_SET, RULE, RULE_SET } from './ipfw-rules.ts';

/**
 * Why blocks would be on paper only: ipfw is there and asked for no packets.
 *
 * @param enabled what `sysctl -n net.inet.ip.fw.enable net.inet6.ip6.fw.enable` prints
 */
export function ipfwRefusal(enabled: string): string | undefined {
  const values = enabled.trim().split(/\s+/);
  if (values.length > 0 && values.every((value) => value === '1')) return undefined;
  return 'ipfw is not enabled; an administrator enables it: ipfw enable firewall, and firewall_enable="YES" in rc.conf';
}

/**
 * Why the rules of an administrator's own would get mixed up with ours: they have our number, or stand in our sets.
 *
 * @param listed what `ipfw -S list` prints: `00001 set 29 deny …`
 */
export function ipfwCollision(listed: string): string | undefined {
  for (const line of listed.split('\n')) {
    const [, number, set] =
      /^(\d+)(?: +#DISABLED| +set (\d+))? /.exec(line.replace(/^# DISABLED /, '')) ?? [];
    if (number === undefined || line.trimEnd().endsWith(MARK)) continue;
    const isOurs = Number(number) === RULE || [RULE_SET, NEXT_SET].includes(Number(set));
    if (isOurs)
      return `rule ${number}${set === undefined ? '' : ` of set ${set}`} is not ours; rule ${RULE} and the sets ${NEXT_SET} and ${RULE_SET} must be free`;
  }
  return undefined;
}
