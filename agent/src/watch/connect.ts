import {
  type Address,
  type Family,
  familyOf,
  formatPortRanges,
  NO_FACTS,
  neverBlock,
  type PortRange,
  portRanges,
} from '@picket/protocol';
import { openAcceptor } from './connect-ports/acceptor.ts';
import { type BoundDeps, bindTcp, bindUdp } from './connect-ports/bound-ports.ts';
import { createFarewell } from './connect-ports/farewell.ts';
import type { Engine } from './engine.ts';

/** What the connect engine binds, and where it says what it could not. */
export interface ConnectDeps {
  readonly tcp: readonly PortRange[];
  readonly udp: readonly PortRange[];
  /** Text for whoever connects; none when empty. */
  readonly banner: string;
  /** The command that runs Perl: for tests of hosts without it. */
  readonly perl?: string;
  readonly log: (message: string) => void;
  /** Unix ms. */
  readonly now: () => number;
}

/** File descriptors left to the rest of the agent when there are not enough for all ports: spool, uplink, commands. */
const SPARED = 64;

/** Errors of a process or a system that has no file descriptors left (errno(3)). */
const EXHAUSTED = new Set(['EMFILE', 'ENFILE']);

type Transport = 'tcp' | 'udp';
type Port = { readonly transport: Transport; readonly port: number };
type OpenPort = Port & { readonly close: () => Promise<void> };
type FailedPort = Port & { readonly error: string };

/**
 * PortSentry's classic mode: binds ports that nobody uses and takes whoever talks to them for a scanner. Needs no
 * privilege but for ports below 1024. A completed handshake proves the address of its source.
 */
export function createConnectEngine(deps: ConnectDeps): Engine {
  const open: OpenPort[] = [];
  let stopped = false;
  let own: Readonly<Record<Family, Address>> = ownAddresses([]);
  let lost = 0;
  return {
    name: 'connect',
    decides: false,
    setAddresses(addresses) {
      own = ownAddresses(addresses);
    },
    knowsClient: () => false,
    async start({ probe }) {
      const sink = {
        probe,
        lost() {
          lost += 1;
        },
      };
      const ownAddress = (family: Family) => own[family];
      const needs = { sink, now: deps.now, farewell: createFarewell(deps.banner), ownAddress };
      /** What is bound after the engine was told to stop is given up at once. */
      const keep = async (bound: readonly OpenPort[]): Promise<void> => {
        if (stopped) await Promise.all(bound.map(({ close }) => close()));
        else open.push(...bound);
      };
      const tell = (ports: readonly FailedPort[]): string => {
        const failed = describe(ports);
        if (failed !== '') deps.log(`not bound: ${failed}`);
        return failed;
      };
      const rebind = async (ports: readonly Port[]): Promise<void> => {
        if (stopped) return;
        const again = await bindAll(ports, needs);
        tell(again.failed);
        await keep(again.open);
      };
      const tcp = await bindForConnections(deps, needs, rebind);
      await keep(tcp.open);
      const rest = await bindAll([...tcp.left, ...portsOf('udp', deps.udp)], needs);
      await keep(rest.open);
      const failed = tell([...tcp.failed, ...rest.failed]);
      if (open.length === 0) {
        throw new Error(`the connect engine could bind none of its ports: ${failed || 'none is configured'}`);
      }
    },
    async lost() {
      return lost;
    },
    async stop() {
      stopped = true;
      await Promise.all(open.splice(0).map(({ close }) => close()));
    },
  };
}

/**
 * Has the TCP ports bound by the acceptor. Where there is none, or when it ends, they are left to this process, which
 * cannot tell who reset a connection at once.
 *
 * @param rebind has this process bind the ports, once the acceptor has ended
 */
async function bindForConnections(
  { tcp, banner, log, perl = 'perl' }: ConnectDeps,
  needs: BoundDeps,
  rebind: (ports: readonly Port[]) => Promise<void>,
): Promise<{ open: OpenPort[]; failed: FailedPort[]; left: Port[] }> {
  const ports = portsOf('tcp', tcp);
  if (ports.length === 0) return { open: [], failed: [], left: [] };
  const warn = (why: string) => log(`${why}: connections that a scanner resets at once are not seen`);
  const fallBack = async () => {
    warn('perl has ended');
    await rebind(ports).catch((error: Error) => log(`its ports are not bound again: ${error.message}`));
  };
  const wish = { ports: ports.map(({ port }) => port), banner, perl, ended: () => void fallBack() };
  const acceptor = await openAcceptor(wish, needs);
  if ('missing' in acceptor) {
    warn(acceptor.missing);
    return { open: [], failed: [], left: ports };
  }
  const failed = acceptor.failed.map((one) => ({ transport: 'tcp' as const, ...one }));
  if (acceptor.bound.length === 0) await acceptor.close();
  const { close } = acceptor;
  return { open: acceptor.bound.map((port) => ({ transport: 'tcp', port, close })), failed, left: [] };
}

/** Binds what is free. Without file descriptors it goes no further, and gives some back: the agent has other work. */
async function bindAll(ports: readonly Port[], deps: BoundDeps) {
  const [open, failed]: [OpenPort[], FailedPort[]] = [[], []];
  for (const [index, port] of ports.entries()) {
    const outcome = await (port.transport === 'tcp' ? bindTcp : bindUdp)(port.port, deps);
    if (!('error' in outcome)) open.push({ ...port, ...outcome });
    else if (!EXHAUSTED.has(outcome.error)) failed.push({ ...port, ...outcome });
    else {
      const spared = open.splice(-SPARED);
      await Promise.all(spared.map(({ close }) => close()));
      failed.push(...[...spared, ...ports.slice(index)].map((one) => ({ ...one, error: outcome.error })));
      break;
    }
  }
  return { open, failed };
}

/** Ports and why they are not bound, like ports together: `tcp 80,443 (EADDRINUSE), udp 1-9 (EACCES)`. */
function describe(failed: readonly FailedPort[]): string {
  const groups = new Map<string, { transport: Transport; error: string; ports: number[] }>();
  for (const { transport, error, port } of failed) {
    const group = groups.get(`${transport} ${error}`);
    if (group === undefined) groups.set(`${transport} ${error}`, { transport, error, ports: [port] });
    else group.ports.push(port);
  }
  const ranges = (ports: number[]) => formatPortRanges(portRanges(ports, Number.POSITIVE_INFINITY));
  return [...groups.values()].map((one) => `${one.transport} ${ranges(one.ports)} (${one.error})`).join(', ');
}

/** Per family the first own address that others can reach, else any, else the unspecified one. */
function ownAddresses(own: readonly Address[]): Record<Family, Address> {
  const first = (family: Family): Address | undefined => {
    const mine = own.filter((address) => familyOf(address) === family);
    return mine.find((address) => neverBlock(address, NO_FACTS) === undefined) ?? mine[0];
  };
  return { 4: first(4) ?? '0.0.0.0', 6: first(6) ?? '::' };
}

function portsOf(transport: Transport, ranges: readonly PortRange[]): Port[] {
  return ranges.flatMap(([from, to]) =>
    Array.from({ length: to - from + 1 }, (_, i) => ({ transport, port: from + i })),
  );
}
