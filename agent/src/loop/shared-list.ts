import {
  type BlockEntry,
  contains,
  firstAddress,
  isSingleSource,
  overlaps,
  type Source,
  sourceOf,
} from '@picket/protocol';
import type { AgentDeps, SharedList } from '../agent-port.ts';
import { takenShared } from '../blocks/told.ts';
import type { SharedBlock } from '../firewall/firewall.ts';

/** The network's list as this host has it: what came, less what people of the host have lifted. */
export interface SharedBlocks {
  /** In force, by source. */
  readonly inForce: ReadonlyMap<Source, SharedBlock>;
  /** Takes a new list over. */
  set(list: Pick<SharedList, 'entries' | 'signed'>): void;
  /** Lifts those that overlap a network, or all, until the network decides anew; tells which were in force. */
  lift(network: Source | undefined): Promise<Source[]>;
  /** The entry that covers a source, and whether it is lifted. */
  covering(source: Source): { entry: BlockEntry; isLifted: boolean } | undefined;
}

export function createSharedBlocks({ policy, keeper, lifted, log, now }: AgentDeps): SharedBlocks {
  let entries: SharedList['entries'] = new Map();
  let signed: SharedList['signed'] = new Map();
  let inForce: ReadonlyMap<Source, SharedBlock> = new Map();
  /** Entries wider than a source: few, and looked through one by one. */
  let wide: Source[] = [];
  const take = (): void => {
    inForce = takenShared(entries.values(), policy, (source) => lifted.has(signed.get(source)));
    wide = [...entries.keys()].filter((source) => source.includes('/') && !source.endsWith('/64'));
    keeper.setShared(inForce);
  };
  /** What is in force against any of a network. Who asks for one source gets it from the map: a list may be long. */
  const touching = (network: Source | undefined): SharedBlock[] => {
    if (network === undefined) return [...inForce.values()];
    const candidates = isSingleSource(network)
      ? [network, firstAddress(network), sourceOf(firstAddress(network)), ...wide]
      : inForce.keys();
    return [...new Set(candidates)].flatMap((source) => {
      const block = inForce.get(source);
      return block !== undefined && overlaps(network, source) ? [block] : [];
    });
  };
  return {
    get inForce() {
      return inForce;
    },
    set(next) {
      ({ entries, signed } = next);
      take();
    },
    async lift(network) {
      const running = touching(network).filter(({ untilMs }) => untilMs > now());
      const decided = running.flatMap(({ source, untilMs }) => {
        const entry = signed.get(source);
        return entry === undefined ? [] : [{ entry, hostUntilMs: untilMs }];
      });
      await lifted
        .add(decided)
        .catch((error) => log.error('what was lifted would not survive a restart', { error }));
      take();
      return running.map(({ source }) => source);
    },
    covering(source) {
      const found = entries.get(source) ?? entries.get(wide.find((each) => contains(each, source)) ?? '');
      return found && { entry: found, isLifted: !inForce.has(found[0]) };
    },
  };
}
