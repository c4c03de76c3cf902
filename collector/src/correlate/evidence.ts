import type { PortRange, Source, Tier, Transport } from '@picket/protocol';

/** What one host says of a source. Times are Unix ms, never ahead of the collector's clock. */
export interface HostEvidence {
  readonly hostName: string;
  /** Last probe. */
  readonly lastAtMs: number;
  /** Last time its evidence crossed the threshold of the host. */
  readonly trippedAtMs: number | undefined;
  /** Last time it proved its address by a TCP handshake. */
  readonly handshakeAtMs: number | undefined;
  /** Last probe of it while the host knew it as a client, one that had a real connection to a service there. */
  readonly clientAtMs: number | undefined;
  /** When the host took its word back: nothing up to then counts. */
  readonly clearedAtMs: number | undefined;
}

/** The newest shared block of a source, running or over. */
export interface KnownBlock {
  readonly tier: Tier;
  readonly untilMs: number;
  readonly reason: string;
  /** {@link CORRELATION}, or a person. */
  readonly author: string;
  /** When it was lifted or swept up. */
  readonly removedAtMs: number | undefined;
}

/** All that a network knows of a source. */
export interface SourceEvidence {
  readonly source: Source;
  readonly hosts: readonly HostEvidence[];
  readonly block: KnownBlock | undefined;
}

/** Ports on which a source was seen, over all hosts; of `ip` the protocols. */
export type SeenPorts = Readonly<Partial<Record<Transport, readonly PortRange[]>>>;

/** Author of the blocks that no person asked for. */
export const CORRELATION = 'correlation';
