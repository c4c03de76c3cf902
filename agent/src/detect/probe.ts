import type { Address, Evidence, Technique, Transport } from '@picket/protocol';

/** One packet or connection to a port on which nothing listens. */
export interface Probe {
  /** Time in ms. One clock for all probes of an engine; only differences and the wall time of the report matter. */
  readonly atMs: number;
  readonly address: Address;
  readonly localAddress: Address;
  readonly transport: Transport;
  /** The local port, 0 to 65535; with transport `ip` the protocol number, 0 to 255. */
  readonly port: number;
  readonly technique: Technique;
  readonly evidence: Evidence;
  /** Whether an engine that decides knew the source as a client then; others answer `knowsClient`. */
  readonly isClient?: boolean;
}

/**
 * Techniques that late packets of a connection look like once everybody has forgotten it. They never trip a source on
 * their own like the others do: see {@link Threshold}.
 */
const WEAK: ReadonlySet<Technique> = new Set(['ack', 'window', 'maimon']);

/** Whether a probe may be the leftover of an ordinary connection. */
export function isWeak(technique: Technique): boolean {
  return WEAK.has(technique);
}
