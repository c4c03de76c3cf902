import type { PortRange, Transport } from '@picket/protocol';
import type { PermitRules } from '../detect/permit.ts';
import type { EvidenceRules } from '../detect/rules.ts';

/** What the policy says, as far as the kernel needs it. Durations in ms. */
export interface RulesetPolicy {
  readonly evidence: EvidenceRules;
  /** Whom evidence that can be forged may block: the kernel has no other. */
  readonly permit: PermitRules;
  /** How long the kernel itself holds a source that trips. */
  readonly holdMs: number;
  readonly nflogGroup: number;
  /** Ports that are not counted; of `ip` the protocols. */
  readonly ignored: Readonly<Record<Transport, readonly PortRange[]>>;
  /** Interfaces on which nothing is counted. */
  readonly ignoredInterfaces: readonly string[];
  /** Local ephemeral ports: late answers to closed sockets arrive there. */
  readonly ephemeral: PortRange;
  /** Whether probes of unused ports are dropped rather than answered. */
  readonly isSilent: boolean;
  /** Whether what is forwarded to containers and virtual machines is refused too, or only what is for the host. */
  readonly forwarded: boolean;
  /** Whether the kernel detects too, or only blocks what it is told. */
  readonly detects: boolean;
}
