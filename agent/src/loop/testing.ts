import type { BlockEntry } from '@picket/protocol';
import { v7 } from 'uuid';
import { afterEach, beforeEach, vi } from 'vitest';
import { type Agent, createAgent, type SharedList } from '../agent.ts';
import type { BookedBlock } from '../blocks/book.ts';
import { createKeeper } from '../blocks/keeper.ts';
import { openOffences } from '../blocks/offences.ts';
import { openAllowances } from '../control/allowances.ts';
import { openLifted } from '../control/lifted.ts';
import { openStance } from '../control/stance.ts';
import type { Probe } from '../detect/probe.ts';
import type { CountedBlock, Desired, Firewall, FoundBlock, SharedBlock } from '../firewall/firewall.ts';
import { parsePolicy } from '../policy/load.ts';
import { SILENT_LOG } from '../report/log.ts';
import { NO_RESPONDER, type Responder } from '../respond/responder.ts';
import type { Outgoing } from '../uplink/outbox.ts';
import type { Engine, ProbeSink } from '../watch/engine.ts';

export const SCANNER = '198.51.100.7';
export const HOUR_MS = 3_600_000;
export const POLICY = parsePolicy('', '');
export const FACTS = { own: ['203.0.113.10'], gateways: ['203.0.113.1'], resolvers: [], onLink: [] };

/** An agent over fakes of its ports, in fake time. */
export async function setUp({
  decides = true,
  found = [] as FoundBlock[],
  saved = undefined as string | undefined,
  isDiskFull = false,
} = {}) {
  const seen = {
    inForce: [] as CountedBlock[],
    sent: [] as Outgoing[],
    said: [] as string[],
    sessions: [] as string[],
    saved: '',
    wants: [] as Desired[],
    shared: new Map() as ReadonlyMap<string, SharedBlock>,
    sink: undefined as ProbeSink | undefined,
    /** Commands that run before a block: held up until they are let go, where the test says so. */
    commands: { hold: false, before: [] as string[], letGo: () => {} },
  };
  const { commands } = seen;
  const responder: Responder = {
    ...NO_RESPONDER,
    before({ source }) {
      if (!commands.hold) return undefined;
      commands.before.push(source);
      return new Promise((resolve) => {
        commands.letGo = resolve;
      });
    },
  };
  const engine: Engine = {
    name: decides ? 'kernel' : 'connect',
    decides,
    start: async (sink) => {
      seen.sink = sink;
    },
    setAddresses: () => {},
    knowsClient: () => false,
    lost: async () => 3,
    stop: async () => {},
  };
  const firewall: Firewall = {
    name: 'fake',
    enforces: true,
    open: async () => found,
    apply: async (want) => void seen.wants.push(want),
    share: async (shared) => {
      seen.shared = shared;
    },
    look: async () => seen.inForce,
    remove: async () => {},
  };
  const keeper = createKeeper({
    ...{ firewall, now: Date.now, log: SILENT_LOG, firstBlockMs: HOUR_MS, newId: v7 },
    load: async () => saved,
    save: async (text) => {
      seen.saved = text;
    },
  });
  const save = async (): Promise<void> => {
    if (isDiskFull) throw new Error('no space left on device');
  };
  const files = { load: async () => undefined, save, now: Date.now };
  const [stance, lifted] = [await openStance({ own: 'enforce', ...files }), await openLifted(files)];
  const allowances = await openAllowances(files);
  const offences = await openOffences({ escalation: POLICY.block, ...files });
  const agent = createAgent({
    responder,
    ...{ policy: POLICY, engine, firewall, keeper, stance, lifted, allowances, offences },
    ...{ log: SILENT_LOG, now: Date.now, newId: v7 },
    report: {
      started: () => seen.said.push('started'),
      probe: (probe) => seen.said.push(`probe ${probe.port}`),
      blocked: (block: BookedBlock) => seen.said.push(`blocked ${block.source}`),
      ended: ({ source }, why) => seen.said.push(`ended ${source}: ${why}`),
      mode: ({ mode }) => seen.said.push(`mode ${mode}`),
      lifted: (by, { local, shared }, network = 'all') =>
        seen.said.push(`${network} lifted by ${by}: ${local}, ${shared}`),
      spared: (_probe, source, why) => seen.said.push(`spared ${source}: ${why}`),
      sibling: (_probe, source) => seen.said.push(`sibling ${source}`),
      limiting: (isLimiting) => seen.said.push(`limiting ${isLimiting}`),
      allowed: ({ network }, isTakenBack) => seen.said.push(`${isTakenBack ? 'dis' : ''}allowed ${network}`),
      lost: () => {},
      stopped: () => {},
    },
    readFacts: async () => FACTS,
    collectors: async () => ['203.0.113.50'],
    allowed: async () => [],
    sessions: async () => seen.sessions,
    send: (outgoing) => void seen.sent.push(outgoing),
  });
  return { agent, seen, stance };
}

/** A SYN of now for a port of the host. */
export const probe = (port: number, address = SCANNER): Probe => ({
  atMs: Date.now(),
  address,
  localAddress: '203.0.113.10',
  transport: 'tcp',
  port,
  technique: 'syn',
  evidence: 'forgeable',
});

/** The network's list. */
export const list = (
  entries: BlockEntry[],
  removed: string[] = [],
  signed: BlockEntry[] = entries,
): SharedList => ({
  entries: new Map(entries.map((entry) => [entry[0], entry])),
  signed: new Map(signed.map((entry) => [entry[0], entry])),
  allow: [],
  hosts: [],
  removed,
});

/**
 * For a suite: each test begins an agent over fakes, in fake time, and it is stopped afterwards.
 *
 * @returns begins it, and gives what it did and the agent itself
 */
export function agentsInFakeTime() {
  let agent: Agent | undefined;
  beforeEach(() => void vi.useFakeTimers());
  afterEach(async () => {
    await agent?.stop();
    agent = undefined;
    vi.useRealTimers();
  });
  return async (options?: Parameters<typeof setUp>[0]) => {
    const parts = await setUp(options);
    agent = parts.agent;
    await agent.start();
    return Object.assign(parts.seen, { agent: parts.agent, stance: parts.stance });
  };
}
