import { type Address, parseAddress } from '@picket/protocol';
import type { Runner } from '../run/runner.ts';
import { type HostSocket, type ReadListeners, toHostSockets } from './listeners.ts';

/** A command that lists sockets, and how its text is read. */
export interface SocketCommand {
  readonly argv: readonly [string, ...string[]];
  readonly parse: (text: string) => HostSocket[];
  /** Whether a host may lack what it lists: then its failure is an empty list. */
  readonly isOptional?: boolean;
}

/** A reader of listeners over commands, which run one after the other: a list is as old as its first command. */
export function listSockets(run: Runner, commands: readonly SocketCommand[]): ReadListeners {
  return async () => {
    const sockets: HostSocket[] = [];
    for (const { argv, parse, isOptional } of commands) {
      const { status, stdout, stderr } = await run({ argv });
      if (status === 0) sockets.push(...parse(stdout));
      else if (!isOptional)
        throw new Error(`the listeners cannot be read: ${argv.join(' ')}: ${stderr.trim() || status}`);
    }
    return toHostSockets(sockets);
  };
}

/**
 * An address as such commands print it; undefined for `*` and for one that is cut short. The link-local address of
 * loopback (`fe80::1%lo0`) is loopback's.
 */
export function socketAddress(text: string): Address | undefined {
  const [address = '', zone = ''] = text.split('%');
  return zone.startsWith('lo') ? '::1' : parseAddress(address);
}
