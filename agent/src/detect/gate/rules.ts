import type { PortRange, Transport } from '@picket/protocol';
import type { TalkRules } from './talks.ts';

/** What a policy says of what counts. */
export interface GateRules extends TalkRules {
  /** Ports that never count; of `ip` the protocols. */
  readonly ignored: Readonly<Record<Transport, readonly PortRange[]>>;
  /** Interfaces on which nothing counts, by the name that the link layer gives. */
  readonly ignoredInterfaces: readonly string[];
}

/** Whether a port is in one of the ranges. */
export function isIn(ranges: readonly PortRange[] | undefined, port: number): boolean {
  return ranges?.some(([from, to]) => port >= from && port <= to) ?? false;
}
