import { readFile } from 'node:fs/promises';
import { endianness } from 'node:os';
import { type Address, addressFromBytes, parseAddress } from '@picket/protocol';
import { type HostSocket, type ReadListeners, toHostSockets } from './listeners.ts';
import { IPVS_TABLE, virtualServices } from './listeners-ipvs.ts';

/** Tables of Linux, of the network namespace of this process (proc(5)). UDP-Lite is another protocol than UDP. */
const TABLES = ['tcp', 'tcp6', 'udp', 'udp6'] as const;

/** There when the kernel's SCTP module is loaded. */
const SCTP_ENDPOINTS = '/proc/net/sctp/eps';

/** TCP_LISTEN of net/tcp_states.h; SCTP has the same number for it. */
const LISTEN = 10;

/**
 * Lists the sockets of a Linux host. For each of `tcp` and `tcp6` the kernel walks its whole hash table of connections,
 * which grows with memory: 7 to 14 ms in all on a machine of 24 GB, in a thread of its own.
 */
export function procfsListeners(): ReadListeners {
  const isLittleEndian = endianness() === 'LE';
  return async () => {
    const [sctp, ipvs, ...tables] = await Promise.all([
      readFile(SCTP_ENDPOINTS, 'utf8').catch(() => ''),
      readFile(IPVS_TABLE, 'utf8').catch(() => ''),
      // Without IPv6 there are no tables of it; without those of IPv4 there is no procfs.
      ...TABLES.map((name) => readFile(`/proc/net/${name}`, 'utf8').catch(otherThanMissing6(name))),
    ]);
    const lists = tables.map((text, i) => procfsSockets(text, transportOf(TABLES[i]), isLittleEndian));
    const more = [...sctpEndpoints(sctp ?? ''), ...virtualServices(ipvs ?? '')];
    return toHostSockets([...lists.flat(), ...more]);
  };
}

function otherThanMissing6(name: string): (error: Error) => string {
  return (cause) => {
    if (name.endsWith('6')) return '';
    throw new Error(`the listeners cannot be read: ${cause.message}`, { cause });
  };
}

function transportOf(table: string | undefined): 'tcp' | 'udp' {
  return table?.startsWith('udp') ? 'udp' : 'tcp';
}

const ROW = /^\s*\d+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) ([0-9A-F]{8,32}):([0-9A-F]{4}) ([0-9A-F]{2}) /;

/**
 * Reads a table of procfs (tcp(4) and udp(4) print the same columns). A socket of IPv6 on all addresses takes IPv4 too,
 * unless it is IPV6_V6ONLY, which the table does not tell.
 */
export function procfsSockets(
  table: string,
  transport: 'tcp' | 'udp',
  isLittleEndian: boolean,
): HostSocket[] {
  return table.split('\n').flatMap((line) => {
    const [, localHex, port, remoteHex, remotePort, state] = ROW.exec(line) ?? [];
    if (localHex === undefined || remoteHex === undefined) return [];
    const local = hexAddress(localHex, isLittleEndian);
    const remote = hexAddress(remoteHex, isLittleEndian);
    const peerPort = Number.parseInt(remotePort ?? '', 16);
    const peer = remote !== undefined && peerPort !== 0 && { peer: { address: remote, port: peerPort } };
    const isListening = transport === 'udp' || Number.parseInt(state ?? '', 16) === LISTEN;
    return { transport, local, port: Number.parseInt(port ?? '', 16), ...peer, isListening };
  });
}

/** An address in words of four bytes, each in the order of the host; undefined for all zeros. */
function hexAddress(hex: string, isLittleEndian: boolean): Address | undefined {
  if (/^0+$/.test(hex)) return undefined;
  const words = hex.match(/.{8}/g) ?? [];
  const bytes = words.flatMap((word) => {
    const inOrder = (word.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16));
    return isLittleEndian ? inOrder.reverse() : inOrder;
  });
  const address = addressFromBytes(Uint8Array.from(bytes));
  return address === '0.0.0.0' ? undefined : address;
}

const ENDPOINT = /^\s*\S+ +\S+ +\d+ +(\d+) +-?\d+ +(\d+) +\d+ +\d+ +(.*)$/;

/** Reads `/proc/net/sctp/eps`: socket state, port, and the addresses to which an endpoint is bound. */
export function sctpEndpoints(table: string): HostSocket[] {
  return table.split('\n').flatMap((line) => {
    const [, state, port, addresses = ''] = ENDPOINT.exec(line) ?? [];
    if (port === undefined) return [];
    const bound = addresses.split(/\s+/).flatMap((text) => parseAddress(text) ?? []);
    const ends = bound.length === 0 ? [undefined] : bound.map((a) => (isAny(a) ? undefined : a));
    const isListening = Number(state) === LISTEN;
    return ends.map((local) => ({ transport: 'sctp' as const, local, port: Number(port), isListening }));
  });
}

function isAny(address: Address): boolean {
  return address === '0.0.0.0' || address === '::';
}
