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
import { type BoundDeps, bindTcp, bindUdp } from './bound-ports.ts';
import type { Engine } from './engine.ts';
import { createFarewell } from './farewell.ts';

/** What the connect engine binds, and where it says what it could not. */
export interface ConnectDeps {
  readonly tcp: readonly PortRange[];
  readonly udp: readonly PortRange[];
  /** Text for whoever connects; none when empty. */
  readonly banner: string;
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
  let open: OpenPort[] = [];
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
      const ports = [...portsOf('tcp', deps.tcp), ...portsOf('udp', deps.udp)];
      const sink = {
        probe,
        lost() {
          lost += 1;
        },
      };
      const ownAddress = (family: Family) => own[family];
      const farewell = createFarewell(deps.banner);
      const outcome = await bindAll(ports, { sink, now: deps.now, farewell, ownAddress });
      open = outcome.open;
      const failed = describe(outcome.failed);
      if (failed !== '') deps.log(`not bound: ${failed}`);
      if (open.length === 0) {
        throw new Error(`the connect engine could bind none of its ports: ${failed || 'none is configured'}`);
      }
    },
    async lost() {
      return lost;
    },
    async stop() {
      await Promise.all(open.map(({ close }) => close()));
      open = [];
    },
  };
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
