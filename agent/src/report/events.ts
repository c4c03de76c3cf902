import { addressSchema, evidenceSchema, modeSchema, TRANSPORTS, tierSchema } from '@picket/protocol';
import { z } from 'zod';
import type { Report } from '../agent-port.ts';
import { LineLimit } from './line-limit.ts';

const count = z.int().min(0);

/**
 * What happened on a host, as programs read it: names and meanings stay as they are, new fields are added. Times are Unix
 * ms. Everything but `event` and `atMs` is there only where it has a meaning.
 */
export const hostEventSchema = z.object({
  atMs: z.number(),
  /**
   * `probe`; `block` and `unblock` of a source; `lift`: a person lifted all blocks, or
   * those of `source`; `allow` and `disallow`: a person allowed
   * a network for a while, or took that back; `spare`: a source crossed the threshold and is not blocked, since its
   * probes may be forged (`why`: `client`, `unproven`); `sibling`: a host of the network
   * itself scans this one; `limit` and `unlimit`: forgeable evidence blocks nobody new for the time being;
   * `mode`: what is carried out from now on; `start` and `stop` of the agent; `lost`: events or probes that were not told.
   */
  event: z.enum([
    ...(['start', 'stop', 'probe', 'block', 'unblock', 'lift', 'allow', 'disallow'] as const),
    ...(['spare', 'sibling', 'limit', 'unlimit', 'mode', 'lost'] as const),
  ]),
  source: z.string().max(49).optional(),
  address: addressSchema.optional(),
  localAddress: addressSchema.optional(),
  transport: z.enum(TRANSPORTS).optional(),
  port: z.int().optional(),
  technique: z.string().max(32).optional(),
  evidence: evidenceSchema.optional(),
  tier: tierSchema.optional(),
  untilMs: z.number().optional(),
  /** `kernel`, `agent` or `person`. */
  decidedBy: z.string().max(16).optional(),
  /** Whether packets are really refused. */
  enforced: z.boolean().optional(),
  packets: count.optional(),
  engine: z.string().max(32).optional(),
  firewall: z.string().max(32).optional(),
  mode: modeSchema.optional(),
  by: z.string().max(64).optional(),
  why: z.string().max(100).optional(),
  /** How many; of `lift`, local and shared blocks. */
  count: count.optional(),
  local: count.optional(),
  shared: count.optional(),
});

/** One event of a host. */
export type HostEvent = z.infer<typeof hostEventSchema>;

/** What events are made with. */
export interface EventReportOptions {
  readonly engine: string;
  readonly firewall: string;
  /** Whether blocks are carried out now. */
  readonly enforces: () => boolean;
  /** Unix ms. */
  readonly now: () => number;
  /** Takes each event that the budget of lines lets through. Never waits. */
  readonly take: (event: HostEvent) => void;
  /** How often it is told what was left out, ms. */
  readonly accountMs?: number;
}

/** Once a minute. */
const ACCOUNT_MS = 60_000;

/** A report of events for programs, under the same budgets of lines as the one for people. */
export function eventReport(options: EventReportOptions): Report & { close(): void } {
  const { engine, firewall, enforces, now, take, accountMs = ACCOUNT_MS } = options;
  const [probes, outcomes] = [new LineLimit(), new LineLimit()];
  const tell = (event: Omit<HostEvent, 'atMs'>): void => take({ atMs: Math.round(now()), ...event });
  const lost = (why: string, many: number): void => {
    if (many > 0) tell({ event: 'lost', why, count: many });
  };
  const account = (): void => lost('too many events', probes.account(0).others + outcomes.account(0).others);
  const timer = setInterval(account, accountMs).unref();
  return {
    started: ({ mode, untilMs, by }) => tell({ event: 'start', engine, firewall, mode, untilMs, by }),
    stopped: () => tell({ event: 'stop' }),
    probe(probe, source) {
      if (!probes.allows(probe.address, performance.now())) return;
      const { address, localAddress, transport, port, technique, evidence } = probe;
      tell({ event: 'probe', source, address, localAddress, transport, port, technique, evidence });
    },
    blocked({ source, tier, untilMs, decidedBy, by }, probe) {
      if (!outcomes.allows(source, performance.now())) return;
      const { address, transport, port, technique } = probe ?? {};
      const cause = probe === undefined ? {} : { address, transport, port, technique };
      tell({
        ...{ event: 'block', source, ...cause, tier, untilMs: Math.round(untilMs) },
        ...{ decidedBy, by, enforced: enforces(), engine, firewall },
      });
    },
    ended({ source, tier, droppedPackets: packets }, why) {
      if (outcomes.allows(source, performance.now())) tell({ event: 'unblock', source, tier, packets, why });
    },
    mode: ({ mode, untilMs, by }) => tell({ event: 'mode', mode, untilMs, by }),
    lifted: (by, { local, shared }, source) => tell({ event: 'lift', source, by, local, shared }),
    spared({ address, transport, port, technique, evidence }, source, why) {
      if (why === 'limited' || !outcomes.allows(source, performance.now())) return;
      tell({ event: 'spare', source, address, transport, port, technique, evidence, why });
    },
    sibling({ address, transport, port, technique }, source) {
      if (outcomes.allows(source, performance.now()))
        tell({ event: 'sibling', source, address, transport, port, technique });
    },
    limiting: (isLimiting) => tell({ event: isLimiting ? 'limit' : 'unlimit' }),
    allowed: ({ network, untilMs, by }, isTakenBack) =>
      tell(
        isTakenBack
          ? { event: 'disallow', source: network, by }
          : { event: 'allow', source: network, untilMs, by },
      ),
    lost: (many) => lost('probes that the engine did not pass on', many),
    close() {
      clearInterval(timer);
      account();
    },
  };
}

/** Several reports as one. */
export function together(reports: readonly Report[]): Report {
  const each = (act: (report: Report) => void): void => reports.forEach(act);
  return {
    started: (stance) => each((r) => r.started(stance)),
    stopped: () => each((r) => r.stopped()),
    probe: (probe, source) => each((r) => r.probe(probe, source)),
    blocked: (block, probe) => each((r) => r.blocked(block, probe)),
    ended: (block, why) => each((r) => r.ended(block, why)),
    mode: (stance) => each((r) => r.mode(stance)),
    lifted: (by, counts, network) => each((r) => r.lifted(by, counts, network)),
    spared: (probe, source, why) => each((r) => r.spared(probe, source, why)),
    sibling: (probe, source) => each((r) => r.sibling(probe, source)),
    limiting: (isLimiting) => each((r) => r.limiting(isLimiting)),
    allowed: (allowance, isTakenBack) => each((r) => r.allowed(allowance, isTakenBack)),
    lost: (count) => each((r) => r.lost(count)),
  };
}
