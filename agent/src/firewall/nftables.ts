import type { Source } from '@picket/protocol';
import { changes } from '../nft/changes.ts';
import { addBlocks, deleteBlocks, type Element, resetRates } from '../nft/elements.ts';
import { REMOVAL, renderRuleset } from '../nft/ruleset.ts';
import type { RulesetPolicy } from '../nft/ruleset-policy.ts';
import type { KeptChild } from '../run/keep-running.ts';
import { oneByOne } from '../run/one-by-one.ts';
import {
  type CountedBlock,
  type Desired,
  type Firewall,
  FirewallError,
  type SharedBlock,
} from './firewall.ts';
import { putList } from './nft-list.ts';
import { type Applied, createTable, keyOfNetworks, type NftablesDeps, networkLines } from './nft-table.ts';
import { watchTable } from './nft-watch.ts';

export type { NftablesDeps } from './nft-table.ts';

/** A block that ends sooner is not missed, ms: the firewall's end and the book's differ by as much. */
const ENDING_MS = 2_000;

/** Most networks named in a message. */
const MOST_TOLD = 5;

/** The nftables backend: one table of its own, hash sets, each change one transaction. Linux. */
export function createNftables(deps: NftablesDeps): Firewall {
  const { session, policy, now, log } = deps;
  const table = createTable(deps);
  const alone = oneByOne();
  const inTurn = oneByOne();
  let applied: Applied | undefined;
  let wanted: Desired | undefined;
  let list: ReadonlyMap<Source, Element> | undefined;
  let watch: Promise<KeptChild> | undefined;
  const closing = new AbortController();
  /** Whether somebody may have changed what the table holds. */
  let isSuspect = false;
  /** Whether this nft tells of a whole table that it is whole; else it is not asked. */
  let canCheck = true;

  const applyTo = async (want: Desired, state: Applied, trustsKernel: boolean): Promise<void> => {
    const carryOut = async () => {
      const { lines, next } = transaction(want, state, { nowMs: now(), trustsKernel, policy });
      await table.load(lines);
      Object.assign(state, next);
    };
    // Rules are written with the sets of networks that are there: neither may change meanwhile.
    await (want.enforce === state.enforce ? carryOut() : alone(carryOut));
  };
  const shareNow = async (): Promise<void> => {
    if (applied !== undefined && list !== undefined) await putList({ table, now, alone }, applied, list);
  };

  /** What was believed is void, so all is made again; the host's own blocks first. */
  const restore = async (want: Desired): Promise<void> => {
    isSuspect = false;
    const known = new Set([...(applied?.local.keys() ?? []), ...want.local.keys()]);
    applied = await alone(() => table.setUp(want));
    // Whatever is left of the network's list: in one transaction the whole of it is soonest in force.
    applied.shared = undefined;
    // What nobody here knows of yet the kernel decided a moment ago: it stays.
    for (const source of applied.local.keys()) if (!known.has(source)) applied.local.delete(source);
    await applyTo(want, applied, false);
    canCheck &&= await table.isWhole(applied.enforce);
    log('the nftables table was gone or changed by others: it is made again, with all blocks');
  };
  /** Tells of networks that others put in or took out: the former would be exempt for ever. */
  const tellNetworks = async (want: Desired): Promise<boolean> => {
    const faults = await table.networkFaults(want);
    for (const { set, foreign } of faults) {
      const words = foreign.length > 0 ? `added ${someOf(foreign)} to` : 'removed networks from';
      log(`others ${words} the set ${set} of the nftables table: it is made again as it was`);
    }
    return faults.length > 0;
  };
  const restoreAll = async (want: Desired): Promise<void> => {
    await restore(want);
    inTurn(shareNow).catch((error: Error) => log(`the network's list is not in force yet: ${error.message}`));
  };

  return {
    name: 'nftables',
    enforces: true,
    async open(stance) {
      applied = await alone(() => table.setUp(stance));
      return [...applied.local.values()].map(({ source, untilMs, tier }) => ({ source, untilMs, tier }));
    },
    async apply(want) {
      applied ??= await alone(() => table.setUp(want));
      wanted = want;
      try {
        await applyTo(want, applied, true);
      } catch (error) {
        if (!(error instanceof FirewallError)) throw error;
        await restoreAll(want);
      }
    },
    async share(shared) {
      // Without a table there is nothing to add to: the first apply makes it.
      if (applied === undefined) throw new FirewallError('the nftables table is not set up yet');
      list = elementsOf(shared);
      await inTurn(async () => {
        try {
          await shareNow();
        } catch (error) {
          if (!(error instanceof FirewallError) || wanted === undefined) throw error;
          await restore(wanted);
          await shareNow();
        }
      });
    },
    async look() {
      const blocks = await table.listLocal();
      if (wanted === undefined || applied === undefined) return blocks ?? [];
      const isOtherNetworks = applied.networks === keyOfNetworks(wanted) && (await tellNetworks(wanted));
      if (blocks === undefined || isSuspect || (canCheck && !(await table.isWhole(applied.enforce)))) {
        await restoreAll(wanted);
        return blocks ?? [];
      }
      const missing = missingOf(wanted, blocks, now());
      await table.load([
        ...(isOtherNetworks ? networkLines(wanted, policy.detects) : []),
        ...addBlocks('local', missing, now()),
      ]);
      if (missing.length > 0)
        log(`others removed ${missing.length} blocks from the nftables table: they are made again`);
      return blocks;
    },
    ...(session && {
      async watch(onChange: () => void) {
        const onForeign = (): void => {
          isSuspect = true;
          onChange();
        };
        watch = watchTable({ session, log, onForeign, signal: closing.signal });
        await watch;
      },
    }),
    async remove() {
      await table.load([REMOVAL]);
      [applied, wanted, list, isSuspect] = [undefined, undefined, undefined, false];
    },
    async close() {
      closing.abort();
      await watch?.then(
        (kept) => kept.stop(),
        () => {},
      );
      await session?.close();
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
    ...(enforce === state.enforce ? [] : [renderRuleset(policy, enforce, state.ranges)]),
    ...(networks === state.networks ? [] : networkLines(want, detects)),
  ];
  const local = changes(state.local, want.local, nowMs);
  const isThere = ({ source }: Element) =>
    trustsKernel && want.local.get(source)?.decidedBy === 'kernel' && !state.local.has(source);
  const missing = local.add.filter((element) => !isThere(element));
  // The kernel may hold such a source already, for the first duration: its element is replaced, since no end can be moved.
  const held = detects ? missing.filter(({ source }) => !state.local.has(source)) : [];
  const gone = liftedElements(want, local.remove);
  lines.push(
    ...deleteBlocks('local', [...local.remove, ...held, ...gone]),
    ...addBlocks('local', missing, nowMs),
  );
  const lifted = local.remove
    .filter((e) => e.untilMs > nowMs && !want.local.has(e.source))
    .map((e) => e.source);
  if (detects) lines.push(...resetRates(lifted));
  return { lines, next: { local: new Map<Source, Element>(want.local), networks, enforce } };
}

/** What a person lifted and the kernel may hold all the same, but for what goes anyway. */
function liftedElements({ lifted = new Set(), local }: Desired, removed: readonly Element[]) {
  const going = new Set(removed.map(({ source, tier }) => `${source} ${tier}`));
  const gone = [...lifted].filter((source) => !local.has(source));
  return gone
    .flatMap((source) => (['held', 'dropped'] as const).map((tier) => ({ source, tier })))
    .filter(({ source, tier }) => !going.has(`${source} ${tier}`));
}

/** Where the network's list goes: what is proven into the sets for it, whose rules know what the policy does about it. */
function elementsOf(shared: ReadonlyMap<Source, SharedBlock>): Map<Source, Element> {
  const all = [...shared.values()].map(({ source, untilMs, tier, isProven = tier === 'dropped' }) => {
    return [source, { source, untilMs, tier: isProven ? ('dropped' as const) : ('held' as const) }] as const;
  });
  return new Map(all);
}

/** The first few, for a message. */
function someOf(networks: readonly string[]): string {
  return `${networks.slice(0, MOST_TOLD).join(', ')}${networks.length > MOST_TOLD ? ', …' : ''}`;
}

/** Wanted blocks that are not in force, though their time is not over. */
function missingOf(want: Desired, blocks: readonly CountedBlock[], nowMs: number): Element[] {
  const found = new Set(blocks.map(({ source }) => source));
  return [...want.local.values()].filter(
    ({ source, untilMs }) => untilMs > nowMs + ENDING_MS && !found.has(source),
  );
}
