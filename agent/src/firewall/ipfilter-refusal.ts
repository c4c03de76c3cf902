/**
 * Why no packet would be refused: ipfilter is there and not enabled.
 *
 * @param version what `ipf -V` prints
 */
export function ipfilterRefusal(version: string): string | undefined {
  if (/^Running: yes$/m.test(version)) return undefined;
  return 'ipfilter is not running; an administrator enables it: svcadm enable network/ipfilter';
}
