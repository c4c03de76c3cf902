import type { Source } from '@picket/protocol';
import {
  addBlocks,
  deleteBlocks,
  type Element,
  flushShared,
  readBlocks,
  readEndless,
  replaceNetworks,
} from '../nft/elements.ts';
import { BLOCK_SETS, blockSet, TABLE } from '../nft/names.ts';
import { type NetworksFault, networkSets, networksFault } from '../nft/networks.ts';
import { type Range, rangesIn } from '../nft/ranges.ts';
import { REMOVAL, renderRuleset } from '../nft/ruleset.ts';
import type { RulesetPolicy } from '../nft/ruleset-policy.ts';
import { saysWhole, wholeLines } from '../nft/whole.ts';
import type { NftSession } from '../run/nft-session.ts';
import type { Command, Outcome, Runner } from '../run/runner.ts';
import { FirewallError, type Networks, type Stance } from './firewall.ts';

const LOCAL_SETS = BLOCK_SETS.filter((set) => set.origin === 'local').map((s) =>
  blockSet(s.origin, s.tier, s.key),
);

/** The parts of the backend that reach outside. */
export interface NftablesDeps {
  readonly run: Runner;
  /** Makes small changes at once, and lets the table be watched; without it each change is a command of its own. */
  readonly session?: NftSession;
  /** Unix ms. */
  readonly now: () => number;
  readonly policy: RulesetPolicy;
  readonly log: (message: string) => void;
}

/** What the backend believes to be in the kernel. */
export interface Applied {
  local: Map<Source, Element>;
  /** Undefined: sets of an earlier agent may hold anything, and refuse it until the first list replaces it. */
  shared: Map<Source, Element> | undefined;
  /** Sets of shared networks that are there. */
  ranges: readonly Range[];
  networks: string;
  enforce: boolean;
}

type InForce = Pick<Applied, 'shared' | 'ranges'>;

/** The table as commands. */
export interface NftTable {
  /** Carries out script lines in one transaction. Throws {@link FirewallError} with nft's own words. */
  load(lines: readonly string[]): Promise<void>;
  /** The local blocks in force; undefined when the table is not there, or not whole. */
  listLocal(): Promise<(Element & { packets: number })[] | undefined>;
  /** Whether the rules are there. */
  isWhole(enforce: boolean): Promise<boolean>;
  /** What is not as wanted in the sets of networks, of those that are there. */
  networkFaults(networks: Networks): Promise<NetworksFault[]>;
  /** Makes the table, or only its rules where it is there: blocks in force stay so. */
  setUp(stance: Stance): Promise<Applied>;
}

/** The command that loads a script, whole or not at all. */
export function nftScript(lines: readonly string[]): Command {
  return { argv: ['nft', '-f', '-'], stdin: `${lines.join('\n')}\n` };
}

export function createTable({ run, session, now, policy }: NftablesDeps): NftTable {
  const write = session?.write ?? ((lines) => run(nftScript(lines)));
  const load = async (lines: readonly string[]): Promise<void> => {
    if (lines.length > 0) must(await write(lines), 'nft could not load the change');
  };
  const listSet = (set: string): Promise<Outcome> =>
    run({ argv: ['nft', '-j', 'list', 'set', ...TABLE.split(' '), set] });
  const listLocal: NftTable['listLocal'] = async () => {
    const lists = await Promise.all(LOCAL_SETS.map(listSet));
    if (lists.some(({ status }) => status !== 0)) return undefined;
    const endless = lists.flatMap(({ stdout }) => readEndless(stdout));
    if (endless.length > 0) await load(deleteBlocks('local', endless));
    return lists.flatMap(({ stdout }) => readBlocks(stdout, now()));
  };
  /** Loads it over what is there, and tells what of the network's list is there then. */
  const loadTable = async (stance: Stance, found: Element[] | undefined): Promise<InForce> => {
    const ranges = rangesIn((await run({ argv: ['nft', '-j', '-t', 'list', 'sets', 'inet'] })).stdout);
    // The table and the networks in one transaction: no packet meets rules without an allow list.
    const networks = networkLines(stance, policy.detects);
    const emptied = found === undefined ? flushShared(ranges) : [];
    const kept = await write([renderRuleset(policy, stance.enforce, ranges), ...networks, ...emptied]);
    if (kept.status === 0) return { ranges, shared: found === undefined ? new Map() : undefined };
    // A set or a hook of another version is in the way: the table is made anew, the local blocks in force go along.
    const anew = [REMOVAL, renderRuleset(policy, stance.enforce), ...networks];
    await load([...anew, ...addBlocks('local', found ?? [], now())]);
    return { ranges: [], shared: new Map() };
  };
  return {
    load,
    listLocal,
    async isWhole(enforce) {
      const lines = wholeLines(policy, enforce);
      const { stderr } = await run({ argv: ['nft', '--check', '-f', '-'], stdin: `${lines.join('\n')}\n` });
      return saysWhole(stderr, lines);
    },
    async networkFaults(networks) {
      const faults = networkSets(networks, policy.detects).map(async ({ set, wanted }) => {
        const { status, stdout } = await listSet(set);
        return status === 0 ? networksFault(set, stdout, wanted) : undefined;
      });
      return (await Promise.all(faults)).filter((fault) => fault !== undefined);
    },
    async setUp(stance) {
      const found = await listLocal();
      const inForce = await loadTable(stance, found);
      const local = new Map((found ?? []).map((block) => [block.source, block]));
      return { local, ...inForce, networks: keyOfNetworks(stance), enforce: stance.enforce };
    },
  };
}

/** Tells apart networks that need other sets. */
export function keyOfNetworks({ allow, onLink, siblings }: Networks): string {
  return JSON.stringify([allow, onLink, siblings]);
}

/** Script lines that put an allow list and the connected networks in force. */
export function networkLines({ allow, onLink, siblings = [] }: Networks, detects: boolean): string[] {
  const counted = detects
    ? [...replaceNetworks('onlink', onLink), ...replaceNetworks('sibling', siblings)]
    : [];
  return [...replaceNetworks('allow', allow), ...counted];
}

function must(outcome: Outcome, what: string): void {
  if (outcome.status === 0) return;
  throw new FirewallError(
    `${what}: ${outcome.stderr.trim().slice(0, 500) || `exit status ${outcome.status}`}`,
  );
}
