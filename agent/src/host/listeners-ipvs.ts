import { type Address, parseAddress } from '@picket/protocol';
import type { HostSocket } from './listeners.ts';

/** Virtual services of IPVS (the Linux Virtual Server, kube-proxy's mode `ipvs`); there when the module is loaded. */
export const IPVS_TABLE = '/proc/net/ip_vs';

const SERVICE = /^(TCP|UDP|SCTP) +(?:([0-9A-F]{8})|\[([0-9a-f:]+)\]):([0-9A-F]{4}) /;

/**
 * Reads the virtual services: ports of this host that real servers elsewhere serve, so that no socket here shows them.
 * The form is that of `ip_vs_info_seq_show` in net/netfilter/ipvs/ip_vs_ctl.c: IPv4 addresses as one number, IPv6 ones in
 * full. Services by firewall mark name no port and are left out.
 */
export function virtualServices(table: string): HostSocket[] {
  return table.split('\n').flatMap((line) => {
    const [, protocol, v4, v6 = '', port = ''] = SERVICE.exec(line) ?? [];
    if (protocol === undefined) return [];
    const local = v4 === undefined ? parseAddress(v6) : fromNumber(v4);
    const transport = protocol.toLowerCase() as HostSocket['transport'];
    return [{ transport, local, port: Number.parseInt(port, 16), isListening: true }];
  });
}

function fromNumber(hex: string): Address | undefined {
  return parseAddress((hex.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16)).join('.'));
}
