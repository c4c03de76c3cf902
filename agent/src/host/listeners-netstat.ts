import type { Runner } from '../run/runner.ts';
import type { HostSocket, ReadListeners } from './listeners.ts';
import { listSockets, type SocketCommand, socketAddress } from './listeners-command.ts';

/** Lists the sockets of an OpenBSD host (netstat(1)), which has no SCTP. */
export function openbsdListeners(run: Runner): ReadListeners {
  const command = (family: string): SocketCommand => ({
    argv: ['netstat', '-an', '-f', family],
    parse: bsdSockets,
  });
  return listSockets(run, [command('inet'), command('inet6')]);
}

/** Lists the sockets of a Solaris or illumos host (netstat(8)). */
export function sunosListeners(run: Runner): ReadListeners {
  const command = (transport: string): SocketCommand => ({
    argv: ['netstat', '-an', '-P', transport],
    parse: sunosSockets,
    isOptional: transport === 'sctp',
  });
  return listSockets(run, [command('tcp'), command('udp'), command('sctp')]);
}

/** Protocol, queues, local and foreign address, state of TCP; the port follows the last dot. */
const BSD_ROW = /^(tcp|udp)(?:4|6|46)?\s+\d+\s+\d+\s+(\S+)\.(\d+)\s+(\S+)\.(\d+|\*)(?:\s+(\S+))?/;

/** Reads `netstat -an -f inet` or `inet6` of OpenBSD. */
export function bsdSockets(text: string): HostSocket[] {
  return text.split('\n').flatMap((line) => {
    const [, name, local = '', port, remote = '', remotePort, state] = BSD_ROW.exec(line) ?? [];
    if (name === undefined) return [];
    const transport = name as 'tcp' | 'udp';
    const isListening = transport === 'udp' || state === 'LISTEN';
    return socket({ transport, local, port, remote, remotePort, isListening });
  });
}

/** `TCP: IPv4`, `UDP: IPv6`, `SCTP:`: what the rows below are. */
const SECTION = /^(TCP|UDP|SCTP):/;

/** The local address, and what stands after it. */
const SUNOS_ROW = /^\s*(\S+)\.(\d+)\s+(?:(\S+)\.(\d+|\*)\s+)?(.*)$/;

/**
 * Reads `netstat -an` of Solaris and illumos. UDP sockets without a port are `Unbound`; a connection of TCP shows its
 * state behind four numbers, `BOUND` is not listening yet.
 */
export function sunosSockets(text: string): HostSocket[] {
  let transport: HostSocket['transport'] | undefined;
  return text.split('\n').flatMap((line) => {
    const section = SECTION.exec(line)?.[1];
    if (section !== undefined) transport = section.toLowerCase() as HostSocket['transport'];
    else if (/^Active|^[A-Z]+:/.test(line)) transport = undefined;
    const [, local = '', port, remote = '', remotePort, rest = ''] = SUNOS_ROW.exec(line) ?? [];
    if (transport === undefined || port === undefined) return [];
    const isListening = transport === 'udp' ? /\bIdle\b/i.test(rest) : /\bLISTEN\b/.test(rest);
    return socket({ transport, local, port, remote, remotePort, isListening });
  });
}

interface Row {
  readonly transport: HostSocket['transport'];
  readonly local: string;
  readonly port: string | undefined;
  readonly remote: string;
  readonly remotePort: string | undefined;
  readonly isListening: boolean;
}

/** An address that is cut short is none; its port is what matters. */
function socket({ transport, local, port, remote, remotePort, isListening }: Row): HostSocket {
  const address = socketAddress(remote);
  const isConnected = address !== undefined && remotePort !== undefined && remotePort !== '*';
  return {
    ...{ transport, local: socketAddress(local), port: Number(port), isListening },
    ...(isConnected && { peer: { address, port: Number(remotePort) } }),
  };
}
