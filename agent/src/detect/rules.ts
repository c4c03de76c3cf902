import type { PortRange, Source, Transport } from '@picket/protocol';
import type { Threshold } from './bucket.ts';
import type { Probe } from './probe.ts';
import type { Judgement } from './track.ts';

/** What a policy says of evidence. */
export interface EvidenceRules {
  readonly threshold: Threshold;
  readonly tripwires: Readonly<Partial<Record<Transport, readonly PortRange[]>>>;
}

/** How a probe of a source is judged. */
export type Judge = (source: Source, probe: Probe) => Judgement;

/**
 * Makes the judge of a policy.
 *
 * @param isClient whether the host knows the source as a client at that time
 */
export function createJudge(
  { threshold, tripwires }: EvidenceRules,
  isClient: (source: Source, atMs: number) => boolean = () => false,
): Judge {
  return (source, { transport, port, atMs, isClient: isKnown = false }) => ({
    threshold,
    isClient: isKnown || isClient(source, atMs),
    isTripwire: (tripwires[transport] ?? []).some(([from, to]) => port >= from && port <= to),
  });
}
