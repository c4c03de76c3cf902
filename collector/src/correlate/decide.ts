import { isSingleSource, type NeverBlockFacts, neverBlock, type Tier } from '@picket/protocol';
import { CORRELATION, type HostEvidence, type KnownBlock, type SourceEvidence } from './evidence.ts';

/**
 * How long a probe without a trip is remembered against its source, ms. One hour: a scan that walks a network one host
 * after the other (nmap -T2: 0.4 s a probe, 1,000 ports, seven minutes a host) reaches its second host well within it,
 * while a stray packet a day per host, which every public address gets, never adds up.
 */
export const WINDOW_MS = 3_600_000;

/** How many hosts must have been probed when none tripped. Two: an innocent error hits one host, a sweep the next too. */
export const MIN_HOSTS = 2;

/**
 * How long the first shared block of a source lasts, ms, counted from its evidence. Four hours: longer than the hour for
 * which a host blocks by itself, as more than one host is behind it or stands to gain, and short enough that an address
 * that changed hands is free the same day.
 */
export const FIRST_BLOCK_MS = 4 * 3_600_000;

/**
 * How long a source is spared that a host reported as its client, ms. A day: a host tells it only together with a probe,
 * and whoever forges packets in a client's name need not come every hour; an address that changed hands is judged as any
 * other the day after.
 */
export const CLIENT_MS = 24 * 3_600_000;

/**
 * A running block moves its end only by at least this, ms. Each move is a new list version for every host; a scanner
 * that trips a hundred hosts in a minute shall cost one version, not a hundred.
 */
export const MIN_EXTENSION_MS = 10 * 60_000;

/** What to do about a source. */
export type Verdict =
  | { readonly kind: 'none' }
  | { readonly kind: 'lift' }
  | {
      readonly kind: 'block';
      readonly tier: Tier;
      readonly untilMs: number;
      /** Whether it is a change of a running block. */
      readonly isRunning: boolean;
      /** Hosts on which it tripped; when none, `probed` is the cause. */
      readonly tripped: readonly string[];
      readonly probed: readonly string[];
    };

const NONE: Verdict = { kind: 'none' };

/**
 * Decides about one source from what all hosts of a network said. What one host says of a prefix that is no single
 * source decides nothing: an honest agent never reports one, and no host would block it.
 *
 * @param facts what the network must never block; at least all that overlaps the source
 */
export function decide(evidence: SourceEvidence, facts: NeverBlockFacts, nowMs: number): Verdict {
  const { block, source } = evidence;
  const running = block !== undefined && isRunning(block, nowMs) ? block : undefined;
  if (neverBlock(source, facts) !== undefined) return running === undefined ? NONE : { kind: 'lift' };
  if (!isSingleSource(source)) return NONE;
  const isClient = evidence.hosts.some(({ clientAtMs = 0 }) => clientAtMs > nowMs - CLIENT_MS);
  const counted = countEvidence(evidence, running, { nowMs, isClient });
  if (running !== undefined && isClient && isForgeable(running)) return { kind: 'lift' };
  if (running !== undefined) return changeRunning(running, counted, evidence.hosts);
  return counted.untilMs > nowMs ? { kind: 'block', isRunning: false, ...counted } : NONE;
}

function isRunning(block: KnownBlock, nowMs: number): boolean {
  return block.removedAtMs === undefined && block.untilMs > nowMs;
}

/** Whether a block may rest on packets that anybody could have sent: proof makes `dropped`, and a person knows why. */
function isForgeable({ author, tier }: KnownBlock): boolean {
  return author === CORRELATION && tier === 'held';
}

interface Counted {
  readonly tier: Tier;
  /** End of the block that the evidence asks for; 0 when it asks for none. */
  readonly untilMs: number;
  readonly tripped: readonly string[];
  readonly probed: readonly string[];
}

/**
 * What counts: nothing that a host took back, nothing from before a block that was lifted or has ended. Against a client
 * only hosts count to which it proved its address: anybody can send packets in its name.
 */
function countEvidence(
  { hosts, block }: SourceEvidence,
  running: KnownBlock | undefined,
  { nowMs, isClient }: { nowMs: number; isClient: boolean },
): Counted {
  const overMs =
    running !== undefined ? 0 : Math.min(block?.removedAtMs ?? 0, nowMs) || (block?.untilMs ?? 0);
  const counts = (host: HostEvidence, atMs: number | undefined, ageMs: number): atMs is number =>
    atMs !== undefined && atMs > Math.max(overMs, host.clearedAtMs ?? 0, nowMs - ageMs);
  const proven = hosts.filter((host) => counts(host, host.handshakeAtMs, FIRST_BLOCK_MS));
  const heard = isClient ? proven : hosts;
  const tripped = heard.filter((host) => counts(host, host.trippedAtMs, FIRST_BLOCK_MS));
  const probed = heard.filter((host) => counts(host, host.lastAtMs, WINDOW_MS));
  return {
    tier: proven.length > 0 ? 'dropped' : 'held',
    untilMs: endOf(tripped, probed),
    tripped: tripped.map((host) => host.hostName),
    probed: probed.map((host) => host.hostName),
  };
}

function endOf(tripped: readonly HostEvidence[], probed: readonly HostEvidence[]): number {
  if (tripped.length > 0) return Math.max(...tripped.map((host) => host.trippedAtMs ?? 0)) + FIRST_BLOCK_MS;
  if (probed.length >= MIN_HOSTS) return Math.max(...probed.map((host) => host.lastAtMs)) + FIRST_BLOCK_MS;
  return 0;
}

/**
 * A running block is lifted when the hosts took back all that made it, made harder by proof, longer by a later trip.
 * It is never made shorter or softer: it may be a person's.
 */
function changeRunning(running: KnownBlock, counted: Counted, hosts: readonly HostEvidence[]): Verdict {
  if (running.author === CORRELATION && isTakenBack(hosts)) return { kind: 'lift' };
  const isLonger = counted.tripped.length > 0 && counted.untilMs >= running.untilMs + MIN_EXTENSION_MS;
  const isHarder = counted.untilMs > 0 && counted.tier === 'dropped' && running.tier === 'held';
  if (!isLonger && !isHarder) return NONE;
  return {
    ...counted,
    kind: 'block',
    isRunning: true,
    tier: isHarder ? 'dropped' : running.tier,
    untilMs: Math.max(running.untilMs, isLonger ? counted.untilMs : 0),
  };
}

/** Whether a host took its word back and what the others say would not have made a block, whenever they said it. */
function isTakenBack(hosts: readonly HostEvidence[]): boolean {
  const stands = (host: HostEvidence, atMs: number | undefined) => (atMs ?? 0) > (host.clearedAtMs ?? 0);
  if (!hosts.some((host) => host.clearedAtMs !== undefined)) return false;
  if (hosts.some((host) => stands(host, host.trippedAtMs))) return false;
  return hosts.filter((host) => stands(host, host.lastAtMs)).length < MIN_HOSTS;
}
