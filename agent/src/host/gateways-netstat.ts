import { type Address, parseAddress } from '@picket/protocol';

/** How a default route is named as a destination. */
const DEFAULTS: ReadonlySet<string> = new Set(['default', '0.0.0.0', '0/0', '0.0.0.0/0', '::/0', '::']);

/**
 * Gateways of the default routes in `netstat -rn`, as FreeBSD, OpenBSD, Solaris and illumos print it. Solaris's `-v` puts
 * a mask before the gateway, and a gateway may be an interface (`link#1`): neither is an address to be spared.
 */
export function gatewaysOfNetstat(text: string): Address[] {
  const found = text.split('\n').flatMap((line) => {
    const [destination = '', ...rest] = line.trim().split(/\s+/);
    if (!DEFAULTS.has(destination)) return [];
    const addresses = rest.flatMap((word) => parseAddress(word.split('%')[0] ?? '') ?? []);
    return addresses.find((address) => address !== '0.0.0.0' && address !== '::') ?? [];
  });
  return [...new Set(found)];
}
