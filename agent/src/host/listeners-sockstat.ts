import type { Runner } from '../run/runner.ts';
import type { HostSocket, ReadListeners } from './listeners.ts';
import { listSockets, socketAddress } from './listeners-command.ts';

/** Lists all sockets of the three transports, numerically (sockstat(1) of FreeBSD). */
const SOCKSTAT = ['sockstat', '-46', '-P', 'tcp,udp,sctp'] as const;

/** Lists the sockets of a FreeBSD host; a process is started for it, so it takes some 20 ms. */
export function sockstatListeners(run: Runner): ReadListeners {
  return listSockets(run, [{ argv: SOCKSTAT, parse: sockstatSockets }]);
}

/**
 * Protocol, local and foreign address at the end of a row. `tcp46` takes both families; older versions print it as
 * `tcp4 6`. A command may hold spaces, so the columns are counted from the right.
 */
const ROW = /\s(tcp|udp|sctp)(?:4 ?6|4|6)\s+(\S+):(\d+|\*)\s+(\S+):(\d+|\*)(?:\s.*)?$/;

/** Reads the text of sockstat. Rows whose addresses run into each other are connections, and left out. */
export function sockstatSockets(text: string): HostSocket[] {
  return text.split('\n').flatMap((line) => {
    const [, name, local = '', port, remote = '', remotePort] = ROW.exec(line) ?? [];
    if (name === undefined || port === undefined || port === '*') return [];
    const transport = name as HostSocket['transport'];
    const common = { transport, local: socketAddress(local), port: Number(port) };
    if (remotePort === '*') return { ...common, isListening: true };
    const address = socketAddress(remote);
    return address === undefined
      ? []
      : { ...common, peer: { address, port: Number(remotePort) }, isListening: false };
  });
}
