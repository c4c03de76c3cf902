import type { Source } from '@picket/protocol';
import {
  addBlocks,
  deleteBlocks,
  type Element,
  flushShared,
  readBlocks,
  replaceNetworks,
  resetRates,
} from '../nft/elements.ts';
import { BLOCK_SETS, blockSet, TABLE } from '../nft/names.ts';
import { REMOVAL, renderRuleset } from '../nft/ruleset.ts';
import type { RulesetPolicy } from '../nft/ruleset-policy.ts';
import type { Command, Outcome, Runner } from '../run/runner.ts';
import {
  type Desired,
  type Firewall,
  FirewallError,
  type Networks,
  type SharedBlock,
  type Stance,
} from './firewall.ts';

const LOCAL_SETS = BLOCK_SETS.filter((set) => set.origin === 'local').map((s) =>
  blockSet(s.origin, s.tier, s.key),
);

/** Blocks whose ends differ by less are the same block, ms: nft counts timeouts in whole seconds. */
const SAME_END_MS = 1_500;

/** The parts of the backend that reach outside. */
export interface NftablesDeps {
  readonly run: Runner;
  /** Unix ms. */
  readonly now: () => number;
  readonly policy: RulesetPolicy;
  readonly log: (message: string) => void;
}

/** What the backend believes to be in the kernel. */
interface Applied {
  local: Map<Source, Element>;
  shared: Map<Source, Element>;
  networks: string;
  enforce: boolean;
}

/** The command that loads a script, whole or not at all. */
export function nftScript(lines: readonly string[]): Command {
  return { argv: ['nft', '-f', '-'], stdin: `${lines.join('\n')}\n` };
}

/** The nftables backend: one table of its own, hash sets, each change one transaction. Linux. */
export function createNftables(deps: NftablesDeps): Firewall {
  let applied: Applied | undefined;
  let wanted: Desired | undefined;
  let wantedShared: ReadonlyMap<Source, SharedBlock> = new Map();
  const load = async (lines: readonly string[]): Promise<void> => {
    if (lines.length > 0) must(await deps.run(nftScript(lines)), 'nft could not load the change');
  };
  /** The local blocks in force; undefined when the table is not there, or not whole. */
  const listLocal = async () => {
    const lists = await Promise.all(
      LOCAL_SETS.map((set) => deps.run({ argv: ['nft', '-j', 'list', 'set', ...TABLE.split(' '), set] })),
    );
    if (lists.some(({ status }) => status !== 0)) return undefined;
    return lists.flatMap(({ stdout }) => readBlocks(stdout, deps.now()));
  };
  const loadTable = async (stance: Stance, blocks: readonly Element[]): Promise<void> => {
    // The table, the networks and an empty shared list in one transaction: no packet meets rules without an allow list.
    const networks = networkLines(stance, deps.policy.detects);
    const lines = [renderRuleset(deps.policy, stance.enforce), ...networks, ...flushShared()];
    const kept = await deps.run(nftScript(lines));
    if (kept.status === 0) return;
    // A set of another version is in the way: the table is made anew, the blocks in force go along.
    await load([REMOVAL, ...lines, ...addBlocks('local', blocks, deps.now())]);
  };
  const setUp = async (stance: Stance): Promise<Applied> => {
    const found = (await listLocal()) ?? [];
    await loadTable(stance, found);
    const local = new Map(found.map((block) => [block.source, block]));
    const { enforce } = stance;
    applied = { local, shared: new Map(), networks: keyOfNetworks(stance), enforce };
    return applied;
  };
  const applyTo = async (want: Desired, state: Applied, trustsKernel: boolean): Promise<void> => {
    const { lines, next } = transaction(want, state, {
      nowMs: deps.now(),
      trustsKernel,
      policy: deps.policy,
    });
    await load(lines);
    Object.assign(state, next);
  };
  const shareTo = async (state: Applied): Promise<void> => {
    const list = wantedShared;
    const { remove, add } = changes(state.shared, list, deps.now());
    await load([...deleteBlocks('shared', remove), ...addBlocks('shared', add, deps.now())]);
    state.shared = new Map(list);
  };

  /** Another program may have flushed the ruleset: what was believed is void, so all is made again. */
  const restore = async (want: Desired): Promise<void> => {
    const state = await setUp(want);
    await applyTo(want, state, false);
    await shareTo(state);
    deps.log('the nftables table was gone or changed by others: it is made again, with all blocks');
  };

  return {
    name: 'nftables',
    enforces: true,
    async open(stance) {
      const { local } = await setUp(stance);
      return [...local.values()].map(({ source, untilMs, tier }) => ({ source, untilMs, tier }));
    },
    async apply(want) {
      const state = applied ?? (await setUp(want));
      wanted = want;
      try {
        await applyTo(want, state, true);
      } catch (error) {
        if (!(error instanceof FirewallError)) throw error;
        await restore(want);
      }
    },
    async share(shared) {
      wantedShared = shared;
      // Without a table there is nothing to add to: the first apply makes it.
      if (applied === undefined) throw new FirewallError('the nftables table is not set up yet');
      try {
        await shareTo(applied);
      } catch (error) {
        if (!(error instanceof FirewallError) || wanted === undefined) throw error;
        await restore(wanted);
      }
    },
    async look() {
      const blocks = await listLocal();
      if (blocks === undefined && wanted !== undefined) await restore(wanted);
      return blocks ?? [];
    },
    async remove() {
      await load([REMOVAL]);
      applied = undefined;
      wanted = undefined;
      wantedShared = new Map();
    },
  };
}

/** How a transaction is made: `trustsKernel` takes blocks of the kernel's own making to be in force. */
interface Circumstances {
  readonly nowMs: number;
  readonly trustsKernel: boolean;
  readonly policy: RulesetPolicy;
}

/** The script that leads from what is applied to what is wanted, and what is applied afterwards. */
function transaction(want: Desired, state: Applied, { nowMs, trustsKernel, policy }: Circumstances) {
  const { detects } = policy;
  const { enforce } = want;
  const networks = keyOfNetworks(want);
  const lines = [
    ...(enforce === state.enforce ? [] : [renderRuleset(policy, enforce)]),
    ...(networks === state.networks ? [] : networkLines(want, detects)),
  ];
  const local = changes(state.local, want.local, nowMs);
  const isThere = ({ source }: Element) =>
    trustsKernel && want.local.get(source)?.decidedBy === 'kernel' && !state.local.has(source);
  const missing = local.add.filter((element) => !isThere(element));
  lines.push(...deleteBlocks('local', local.remove), ...addBlocks('local', missing, nowMs));
  const lifted = local.remove
    .filter((e) => e.untilMs > nowMs && !want.local.has(e.source))
    .map((e) => e.source);
  if (detects) lines.push(...resetRates(lifted));
  return { lines, next: { local: new Map<Source, Element>(want.local), networks, enforce } };
}

function keyOfNetworks({ allow, onLink }: Networks): string {
  return JSON.stringify([allow, onLink]);
}

function networkLines({ allow, onLink }: Networks, detects: boolean): string[] {
  return [...replaceNetworks('allow', allow), ...(detects ? replaceNetworks('onlink', onLink) : [])];
}

/** What is to be taken out and put in; a changed block is both, since an element's end cannot be moved. */
function changes(have: ReadonlyMap<Source, Element>, want: ReadonlyMap<Source, Element>, nowMs: number) {
  const same = (a: Element, b: Element | undefined) =>
    b !== undefined && a.tier === b.tier && Math.abs(a.untilMs - b.untilMs) < SAME_END_MS;
  return {
    // What has ended goes by itself; taking it out could take out what the kernel has put in its place since.
    remove: [...have.values()].filter(
      (e) => (e.untilMs > nowMs || want.has(e.source)) && !same(e, want.get(e.source)),
    ),
    add: [...want.values()].filter((e) => !same(e, have.get(e.source))),
  };
}

function must(outcome: Outcome, what: string): void {
  if (outcome.status === 0) return;
  throw new FirewallError(
    `${what}: ${outcome.stderr.trim().slice(0, 500) || `exit status ${outcome.status}`}`,
  );
}
