import type { Address, Evidence, Technique, Transport } from '@picket/protocol';

/** One packet or connection to a port on which nothing listens. */
export interface Probe {
  /** Time in ms. One clock for all probes of an engine; only differences and the wall time of the report matter. */
  readonly atMs: number;
  readonly address: Address;
  readonly localAddress: Address;
  readonly transport: Transport;
  /** The local port, 0 to 65535. */
  readonly port: number;
  readonly technique: Technique;
  readonly evidence: Evidence;
}
