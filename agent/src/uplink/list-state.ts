import {
  applyChanges,
  type BlockEntry,
  type BlockListClaims,
  listDigest,
  type Source,
} from '@picket/protocol';
import { inSlices } from './slices.ts';

/** The network's block list as the collector signed it, with what this host will not do too: the digest is over all. */
export interface ListState {
  /** History the version belongs to; undefined before the first list. */
  readonly epoch: string | undefined;
  readonly version: number;
  /** `iat` of the newest reply, seconds. */
  readonly iat: number;
  readonly digest: string;
  readonly entries: ReadonlyMap<Source, BlockEntry>;
  readonly allow: readonly Source[];
  /** Those of `allow` that are the network's own hosts. */
  readonly hosts: readonly Source[];
  /** There while the network is in observe mode; its end, if it has one, is in the collector's clock. */
  readonly observe?: BlockListClaims['observe'];
}

/** What a host has before the first list. */
export const NO_LIST: ListState = {
  epoch: undefined,
  version: 0,
  iat: 0,
  digest: listDigest([]),
  entries: new Map(),
  allow: [],
  hosts: [],
};

/**
 * The list after a reply; `isNews` when it is of another version. `ask-whole`: the reply does not lead on from what this host has, or leads elsewhere than it
 * says; the whole list heals both. `refused`: it is not to be believed.
 */
export type ListUpdate =
  | { do: 'take'; state: ListState; isNews: boolean }
  | { do: 'ask-whole'; why: string }
  | { do: 'refuse'; code: ListRefusal; why: string };

/** Why a whole list is not believed. */
export type ListRefusal =
  | 'signature'
  | 'malformed'
  | 'other collector'
  | 'other network'
  | 'expired'
  | 'older'
  | 'other history'
  | 'digest';

/** Takes a verified reply over. Asynchronous because a long list is checked in slices, between other work. */
export async function updateList(state: ListState, claims: BlockListClaims): Promise<ListUpdate> {
  const isSameHistory = claims.epoch === state.epoch;
  if (isSameHistory && claims.version < state.version) {
    return {
      do: 'refuse',
      code: 'older',
      why: `version ${claims.version} is older than ${state.version}, which this host has`,
    };
  }
  // Only what was signed later may start another history: else a kept reply of an old one would turn time back.
  if (!isSameHistory && claims.iat < state.iat) {
    return {
      do: 'refuse',
      code: 'other history',
      why: 'it is of another history and older than the list that this host has',
    };
  }
  if (!claims.full && !(isSameHistory && claims.since === state.version)) {
    return { do: 'ask-whole', why: `it holds changes since version ${claims.since} only` };
  }
  const digest = await digestAfter(state, claims);
  if (digest !== claims.digest)
    return { do: 'ask-whole', why: 'the list that comes of it has another digest' };
  const { epoch, version, iat, allow, hosts = [], observe } = claims;
  return {
    do: 'take',
    state: {
      epoch,
      version,
      iat,
      digest,
      allow,
      hosts,
      observe,
      entries: applyChanges(state.entries, claims),
    },
    isNews: !isSameHistory || version !== state.version,
  };
}

/** The digest of the list after the reply, from the entries that come and go alone. */
async function digestAfter(state: ListState, claims: BlockListClaims): Promise<string> {
  const added = new Map(claims.add.map((entry) => [entry[0], entry]));
  if (claims.full) return hex(await digestOf([...added.values()]));
  const gone = new Set([...claims.remove, ...added.keys()]);
  const removed = [...gone].map((source) => state.entries.get(source)).filter((entry) => entry !== undefined);
  return hex(BigInt(`0x${state.digest}`) - (await digestOf(removed)) + (await digestOf([...added.values()])));
}

/** Entries hashed in one go: about 20 ms of work. */
const SLICE = 1000;

/** {@link listDigest} in slices: it is a sum, and 100,000 entries at once would stop the agent for seconds. */
async function digestOf(entries: readonly BlockEntry[]): Promise<bigint> {
  let sum = 0n;
  await inSlices(entries, SLICE, (slice) => {
    sum += BigInt(`0x${listDigest(slice)}`);
  });
  return sum;
}

const hex = (sum: bigint): string => BigInt.asUintN(64, sum).toString(16).padStart(16, '0');
