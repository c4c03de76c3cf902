import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import {
  type Address,
  addressFromBytes,
  type Cidr,
  cidrOf,
  type PortRange,
  parseAddress,
} from '@picket/protocol';
import { type Runner, runCommand } from '../run/runner.ts';
import { gatewaysOfNetstat } from './gateways-netstat.ts';

/** What a host knows of its own place in the network. */
export interface HostFacts {
  readonly own: readonly Address[];
  readonly gateways: readonly Address[];
  readonly resolvers: readonly Address[];
  /** Directly connected IPv6 networks. */
  readonly onLink: readonly Cidr[];
}

/**
 * IPv4 behind a translator (RFC 6052 section 2.1): each of its addresses is another machine, though all are of one /64, so
 * they count one by one as those of a connected network do.
 */
const TRANSLATED: readonly Cidr[] = ['64:ff9b::/96'];

/** The host's end of the wire that the doctor lays for a moment: its addresses are nobody's, and must not be told as ours. */
export const TRIAL_WIRE = 'pktdoc0';

/** Reads the facts of this host from the system; what a system does not offer is an empty list. */
export async function readHostFacts(run: Runner = runCommand): Promise<HostFacts> {
  const [route4, route6, resolv, resolved] = await Promise.all(
    ['/proc/net/route', '/proc/net/ipv6_route', '/etc/resolv.conf', '/run/systemd/resolve/resolv.conf'].map(
      (file) => readFile(file, 'utf8').catch(() => undefined),
    ),
  );
  const interfaces = Object.entries(networkInterfaces())
    .filter(([name]) => name !== TRIAL_WIRE)
    .flatMap(([, list]) => list ?? []);
  const own = interfaces.flatMap(({ address }) => parseAddress(address.split('%')[0] ?? '') ?? []);
  const onLink = interfaces.flatMap(({ address, family, cidr }) =>
    family === 'IPv6' && cidr !== null && !address.startsWith('fe80:') && address !== '::1'
      ? [cidrOf(address, Number(cidr.split('/')[1]))]
      : [],
  );
  return {
    own: [...new Set(own)],
    gateways:
      route4 === undefined
        ? await gatewaysElsewhere(run)
        : [
            ...new Set([
              ...gateways4(route4),
              ...gateways6(route6 ?? ''),
              ...(await gatewaysOfAllTables(run)),
            ]),
          ],
    resolvers: [...new Set([...nameServers(resolv ?? ''), ...nameServers(resolved ?? '')])],
    onLink: [...new Set([...onLink, ...TRANSLATED])],
  };
}

/** Gateways of every default route: also of further next hops and of tables for policy routing, which `/proc/net` leaves out. */
async function gatewaysOfAllTables(run: Runner): Promise<Address[]> {
  const lists = await Promise.all(
    ['-4', '-6'].map((family) =>
      run({ argv: ['ip', family, '-o', 'route', 'show', 'table', 'all'] }).catch(() => undefined),
    ),
  );
  return lists.flatMap((list) => (list?.status === 0 ? nextHops(list.stdout) : []));
}

/** Next hops of the default routes in `ip -o route show` (ip-route(8)); a route of several has each behind `nexthop via`. */
export function nextHops(text: string): Address[] {
  const defaults = text.split('\n').filter((line) => line.startsWith('default '));
  const words = defaults.flatMap((line) => [...line.matchAll(/\bvia (?:inet6? )?(\S+)/g)]);
  return words.flatMap(([, address = '']) => parseAddress(address) ?? []);
}

/** Gateways where there is no `/proc/net`: the BSDs, Solaris and illumos. */
async function gatewaysElsewhere(run: Runner): Promise<Address[]> {
  const table = await run({ argv: ['netstat', '-rn'] }).catch(() => undefined);
  return table?.status === 0 ? gatewaysOfNetstat(table.stdout) : [];
}

/** Gateways of `/proc/net/route`: hexadecimal in the byte order of the host, which is little-endian on most. */
export function gateways4(table: string): Address[] {
  const found = table.split('\n').flatMap((line) => {
    const hex = line.split('\t')[2];
    if (hex === undefined || !/^[0-9A-F]{8}$/.test(hex) || hex === '00000000') return [];
    return (
      addressFromBytes(Uint8Array.from(hex.match(/../g) ?? [], (h) => Number.parseInt(h, 16)).reverse()) ?? []
    );
  });
  return [...new Set(found)];
}

/** Gateways of `/proc/net/ipv6_route`: the fifth column, 32 hexadecimal digits in network order. */
export function gateways6(table: string): Address[] {
  const found = table.split('\n').flatMap((line) => {
    const hex = line.split(/\s+/)[4];
    if (hex === undefined || !/^[0-9a-f]{32}$/.test(hex) || /^0+$/.test(hex)) return [];
    return addressFromBytes(Uint8Array.from(hex.match(/../g) ?? [], (h) => Number.parseInt(h, 16))) ?? [];
  });
  return [...new Set(found)];
}

/** Addresses of `nameserver` lines (resolv.conf(5)). */
export function nameServers(text: string): Address[] {
  return text.split('\n').flatMap((line) => {
    const server = /^\s*nameserver\s+([^\s%]+)/.exec(line)?.[1];
    return server === undefined ? [] : (parseAddress(server) ?? []);
  });
}

/** Local ephemeral ports; the kernel's default where it does not tell (ip-sysctl, `ip_local_port_range`). */
export async function readEphemeralPorts(): Promise<PortRange> {
  const text = await readFile('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').catch(() => '');
  const match = /^(\d+)\s+(\d+)/.exec(text);
  return match === null ? [32_768, 60_999] : [Number(match[1]), Number(match[2])];
}
