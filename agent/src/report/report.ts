import { firstAddress, type PortRange, type Source } from '@picket/protocol';
import type { Report } from '../agent-port.ts';
import type { BookedBlock } from '../blocks/book.ts';
import type { Probe } from '../detect/probe.ts';
import { addBlocks } from '../nft/elements.ts';
import type { Policy } from '../policy/policy.ts';
import { LineLimit } from './line-limit.ts';
import type { Log } from './log.ts';
import {
  ACTIVE_LINE,
  allowedLine,
  alreadyBlockedLine,
  blockedLine,
  connectStartLines,
  ignoredLine,
  leftOutLine,
  liftedLine,
  limitLine,
  lostLine,
  modeLine,
  moreLine,
  scanLine,
  siblingLine,
  sparedLine,
  stealthStartLines,
  unblockedLine,
  wouldUnblockLine,
} from './portsentry.ts';
import { type LineSink, openSyslog } from './syslog.ts';

/** What the report has to know to say true words. */
export interface ReportOptions {
  readonly policy: Policy;
  /** Name of the engine that watches. */
  readonly engine: string;
  /** Name of the backend that blocks, and whether packets are really refused now. */
  readonly firewall: string;
  readonly enforces: () => boolean;
  readonly log: Log;
  /** Where lines go; the system log unless a test says otherwise. */
  readonly sink?: LineSink;
  /** How often it is told what was left out, ms. */
  readonly accountMs?: number;
}

/** Once a minute. */
const ACCOUNT_MS = 60_000;

/** Most sources named in one account. */
const MAX_NAMED = 10;

/** Most blocked sources remembered for "is already blocked". */
const MAX_BLOCKED = 100_000;

/** Opens the report to the system log in PortSentry's words. */
export function openReport(options: ReportOptions): Report & { close(): Promise<void> } {
  const { policy, engine, log, accountMs = ACCOUNT_MS } = options;
  const writeStderr = (line: string) => process.stderr.write(`${line}\n`);
  const sink = options.sink ?? openSyslog({ log, pid: process.pid, writeStderr });
  const limit = new LineLimit();
  // Blocks have a budget of their own: a source's probes must not use up the line that tells its end.
  const outcomes = new LineLimit();
  const blocked = new Set<Source>();
  const writeOf = (budget: LineLimit, source: string, ...lines: readonly string[]): void => {
    if (budget.allows(source, performance.now())) for (const line of lines) sink.write(line);
  };
  const account = (): void => {
    const { bySource, others } = limit.account(MAX_NAMED);
    for (const [source, count] of bySource) sink.write(moreLine(firstAddress(source), count));
    const rest = others + outcomes.account(0).others;
    if (rest > 0) sink.write(leftOutLine(rest, 'other hosts caused'));
  };
  const timer = setInterval(account, accountMs).unref();
  return {
    started(stance) {
      for (const line of startLines(policy, engine)) sink.write(line);
      if (stance.mode !== 'enforce') sink.write(modeLine(stance));
    },
    stopped() {},
    probe(probe, source) {
      const isBlocked = blocked.has(source) && options.enforces();
      writeOf(
        limit,
        probe.address,
        scanLine(probe),
        ...(isBlocked ? [alreadyBlockedLine(probe.address)] : []),
      );
    },
    blocked(block, probe) {
      if (options.enforces() && blocked.size < MAX_BLOCKED) blocked.add(block.source);
      writeOf(outcomes, block.source, outcomeLine(options, block, probe));
    },
    ended({ source }, why) {
      const wasBlocked = blocked.delete(source) || options.enforces();
      writeOf(outcomes, source, (wasBlocked ? unblockedLine : wouldUnblockLine)(source, why));
    },
    mode: (stance) => sink.write(modeLine(stance)),
    lifted: (by, counts, network) => sink.write(liftedLine(by, counts, network)),
    spared(_probe, source, why) {
      // What is over the limit is told as a whole: a line for each would do the forger's work.
      if (why === 'limited') return;
      const isMuted = why === 'client' && engine === 'kernel' && options.enforces();
      writeOf(outcomes, source, sparedLine(source, isMuted ? 'muted' : why));
    },
    sibling(probe, source) {
      writeOf(outcomes, source, siblingLine(probe.address));
      log.warn('a host of this network scans this one; it is not blocked', { address: probe.address });
    },
    limiting: (isLimiting) => sink.write(limitLine(isLimiting, policy.block.new_per_minute)),
    allowed: (allowance, isTakenBack) => sink.write(allowedLine(allowance, isTakenBack)),
    lost: (count) => sink.write(lostLine(count)),
    async close() {
      clearInterval(timer);
      account();
      await sink.close();
    },
  };
}

function startLines({ watch, connect }: Policy, engine: string): string[] {
  const lines =
    engine === 'connect'
      ? connectStartLines(portsOf(connect.tcp, connect.udp))
      : stealthStartLines(portsOf(watch.ignore_tcp, watch.ignore_udp));
  return [...lines, ACTIVE_LINE];
}

const portsOf = (
  tcp: readonly PortRange[],
  udp: readonly PortRange[],
): Record<'tcp' | 'udp', readonly PortRange[]> => ({ tcp, udp });

/** PortSentry said "blocked" of blocks that had failed; here it is said of what refuses packets only. */
function outcomeLine(
  { enforces, firewall }: ReportOptions,
  block: BookedBlock,
  probe: Probe | undefined,
): string {
  if (!enforces()) return ignoredLine(probe?.transport ?? 'tcp');
  const via = block.decidedBy === 'kernel' ? `${firewall} in the kernel` : firewall;
  return blockedLine({ source: block.source, via, command: commandOf(firewall, block) });
}

/** What one would type to make the same block. */
function commandOf(firewall: string, block: BookedBlock): string {
  if (firewall !== 'nftables') return firewall;
  const [line = ''] = addBlocks('local', [block], block.atMs);
  return `nft ${line}`;
}
